// A sound for each light, made on the spot. They differ in number, height and kind of tone, not in loudness alone.

const SAVED = "juma.mute";

// Each tone: begins at (s), lasts (s), frequency (Hz), wave.
const TONES = {
  green: [[0, 0.12, 880, "sine"], [0.13, 0.24, 1318, "sine"]],
  amber: [[0, 0.16, 587, "triangle"], [0.26, 0.16, 587, "triangle"]],
  red: [[0, 0.14, 196, "square"], [0.2, 0.14, 196, "square"], [0.4, 0.3, 147, "square"]],
  grey: [[0, 0.22, 392, "triangle"]],
};
const LOUD = { sine: 0.5, triangle: 0.5, square: 0.18 };

let context = null;
let muted = false;
try {
  muted = localStorage.getItem(SAVED) === "yes";
} catch { /* then it is heard */ }

/** To be called where somebody pressed something: browsers are silent before that. */
export function allowSounds() {
  try {
    context ??= new AudioContext();
    if (context.state === "suspended") context.resume().catch(() => {});
  } catch { /* no sound card: the screen says it all */ }
}

export function isMuted() {
  return muted;
}

export function setMuted(next) {
  muted = next;
  try {
    localStorage.setItem(SAVED, next ? "yes" : "no");
  } catch { /* until the page is closed, then */ }
}

export function sound(light) {
  if (muted || !context) return;
  if (context.state === "suspended") context.resume().catch(() => {});
  const start = context.currentTime + 0.02;
  for (const [at, lasts, frequency, wave] of TONES[light] ?? TONES.grey) {
    const tone = context.createOscillator();
    const level = context.createGain();
    tone.type = wave;
    tone.frequency.value = frequency;
    // Ramps, so that nothing clicks.
    level.gain.setValueAtTime(0, start + at);
    level.gain.linearRampToValueAtTime(LOUD[wave], start + at + 0.01);
    level.gain.setValueAtTime(LOUD[wave], start + at + lasts - 0.03);
    level.gain.linearRampToValueAtTime(0, start + at + lasts);
    tone.connect(level).connect(context.destination);
    tone.start(start + at);
    tone.stop(start + at + lasts);
  }
}
