// Scanner guns on a serial port, where the browser can reach one.

/** Whether this browser can. */
export const hasSerial = () => "serial" in navigator;

/** Cuts what comes in into lines; what is no character of a code ends one. */
export class Lines {
  #rest = "";

  /** The lines that are complete now. */
  take(text) {
    const parts = (this.#rest + text).split(/[\r\n\t\0\u0003]+/);
    this.#rest = parts.pop().slice(0, 20_000);
    return parts.map((line) => line.replace(/^[\u0002\s]*(\]Q[0-9])?/, "").trim()).filter((line) => line !== "");
  }

  /** What came without an end, when nothing more does. */
  rest() {
    return this.take("\n");
  }
}

/** Asks for a port and listens to it. Resolves when it is open; `onLine` hears each line, `onLost` that the port is gone. */
export async function openSerial(baudRate, onLine, onLost) {
  const port = await navigator.serial.requestPort();
  await port.open({ baudRate, bufferSize: 16_384 });
  read(port, onLine).finally(() => {
    port.close().catch(() => {});
    onLost();
  });
}

async function read(port, onLine) {
  const lines = new Lines();
  const text = new TextDecoder();
  let timer = 0;
  while (port.readable) {
    const reader = port.readable.getReader();
    try {
      for (;;) {
        const { value, done } = await reader.read();
        if (done) return;
        clearTimeout(timer);
        lines.take(text.decode(value, { stream: true })).forEach(onLine);
        timer = setTimeout(() => lines.rest().forEach(onLine), 150);
      }
    } catch (error) {
      // Noise on the line can be lived with; a gun that was pulled out cannot.
      if (!["BreakError", "FramingError", "ParityError", "BufferOverrunError"].includes(error.name)) return;
    } finally {
      reader.releaseLock();
    }
  }
}
