// The JavaScript contenders, `@auth0/cose` and `jose`: they issue, verify, and answer the faults, line by line.
//
// @auth0/cose has no notion of a holder's proof: as in the Python contenders it is a second COSE_Sign1 over [permit, {6: time, 10: nonce}].
// jose gives JWS and the checks of JWT; what SD-JWT with key binding (RFC 9901) adds is written here: the glue. A `Refused` is the glue's,
// any other exception the library's.

import { createHash, createPrivateKey, createPublicKey, randomBytes, sign, verify as verifyBare } from "node:crypto";
import { readFileSync } from "node:fs";
import { createInterface } from "node:readline";
import { Algorithms, COSEKey, Headers, ProtectedHeaders, Sign1, UnprotectedHeaders } from "@auth0/cose";
import { Encoder, Tag } from "cbor-x";
import { SignJWT, importJWK, jwtVerify } from "jose";

const NONCE = Buffer.from("a0a1a2a3a4a5a6a7", "hex");
const COUNTER = "https://counter.example.cn";
const hex = (digits) => Buffer.from(digits, "hex");
const base64url = (bytes) => Buffer.from(bytes).toString("base64url");

class Refused extends Error {}

// As @auth0/cose sets it up for itself.
const cbor = new Encoder({ tagUint8Array: false, useRecords: false, mapsAsObjects: false, useTag259ForMaps: false });

const jwk = (key, secret) => ({
  kty: "OKP", crv: "Ed25519", x: base64url(hex(key.public)), ...(secret && { d: base64url(hex(key.secret)) }),
});
const privateKey = (key) => createPrivateKey({ key: jwk(key, true), format: "jwk" });
const publicKey = (key) => createPublicKey({ key: jwk(key), format: "jwk" });

class Cose {
  packages = ["@auth0/cose", "cbor-x"];
  mode = "byte";

  constructor(given) {
    [this.issuer, this.issuerPublic] = [privateKey(given.issuer), publicKey(given.issuer)];
    this.issuerHeader = new ProtectedHeaders([[Headers.Algorithm, Algorithms.EdDSA], [Headers.KeyID, hex(given.issuer.kid)]]);
    this.deviceHeader = new ProtectedHeaders([[Headers.Algorithm, Algorithms.EdDSA]]);
  }

  content = (permit) => cbor.decode(hex(permit.claims));

  async issue(claims) {
    return (await Sign1.sign(this.issuerHeader, new UnprotectedHeaders([]), cbor.encode(claims), this.issuer)).encode();
  }

  async present(permit, device, at) {
    const payload = cbor.encode([permit, new Map([[6, at], [10, NONCE]])]);
    return (await Sign1.sign(this.deviceHeader, new UnprotectedHeaders([]), payload, privateKey(device))).encode();
  }

  async verify(shown) {
    const outer = Sign1.decode(shown);
    const content = cbor.decode(outer.payload);
    if (!Array.isArray(content) || content.length !== 2) throw new Refused("no permit in the presentation");
    const inner = Sign1.decode(content[0]);
    const options = { algorithms: [Algorithms.EdDSA] };
    await inner.verify(this.issuerPublic, options);
    const claims = cbor.decode(inner.payload);
    if (!claims.has(8)) throw new Refused("no device key");
    await outer.verify(await COSEKey.import(claims.get(8).get(1)).toKeyLike(), options);
    return claims;
  }

  async faulty(fault, given) {
    const is = (id) => fault.id === id;
    let claims = hex(fault.permit.claims);
    if (is("duplicate")) claims = Buffer.concat([Buffer.of(0xa5), claims.subarray(1, 7), claims.subarray(1)]);
    const [signer, named] = signers(fault, given);
    const header = new Map([[1, -8], [4, hex(named.kid)]]);
    if (is("critical")) header.set(2, [-70000]).set(-70000, 1);
    if (is("other-kind")) header.set(16, "application/library-card+cwt");
    const permit = sign1(header, claims, signer);
    if (is("changed-claim")) permit[2] = swapped(permit[2]);
    if (is("changed-signature")) permit[3][0] ^= 1;
    if (is("no-proof")) return cbor.encode(new Tag(permit, 18));
    const binding = new Map([[6, fault.shown_at], [10, NONCE]]);
    const inner = cbor.encode(new Tag(permit, 18));
    const shown = sign1(new Map([[1, -8]]), cbor.encode([inner, binding]), is("other-device") ? given.other_device : fault.permit.device);
    if (is("unprotected")) shown[1].set(99, 1);
    if (is("changed-proof")) shown[2] = cbor.encode([inner, binding.set(6, fault.shown_at ^ 1)]);
    const bytes = cbor.encode(new Tag(shown, 18));
    if (is("trailing")) return Buffer.concat([bytes, Buffer.of(0)]);
    if (is("long-form")) return Buffer.concat([bytes.subarray(0, 1), Buffer.of(0x98, 4), bytes.subarray(2)]);
    return bytes;
  }
}

class SdJwt {
  packages = ["jose"];
  mode = "byte";

  constructor(given) {
    [this.issuer, this.issuerPublic, this.kid] = [privateKey(given.issuer), publicKey(given.issuer), given.issuer.kid];
    this.header = { alg: "EdDSA", typ: "dc+sd-jwt", kid: this.kid };
  }

  content = (permit) => permit;

  /** RFC 9901 section 4.2: one disclosure a claim, with a salt of 128 bits; the digests in an order that tells nothing. */
  unsigned({ fields, device }) {
    const { iat, exp, status, ...claims } = fields;
    const disclosures = Object.entries(claims).map(([name, value]) =>
      base64url(JSON.stringify([base64url(randomBytes(16)), name, value])));
    const payload = {
      iss: "https://issuer.example.cn", iat, nbf: iat, exp, vct: "https://issuer.example.cn/residence-permit",
      cnf: { jwk: jwk(device) }, status: { status_list: { idx: status.index, uri: status.uri } },
      _sd_alg: "sha-256", _sd: disclosures.map(sha256).sort(),
    };
    return { payload, disclosures };
  }

  async issue(permit) {
    const { payload, disclosures } = this.unsigned(permit);
    return [await new SignJWT(payload).setProtectedHeader(this.header).sign(this.issuer), ...disclosures, ""].join("~");
  }

  /** Section 4.3. */
  binding = (sdJwt, at) => ({ iat: at, aud: COUNTER, nonce: base64url(NONCE), sd_hash: sha256(sdJwt) });

  async present(sdJwt, device, at) {
    return sdJwt + await new SignJWT(this.binding(sdJwt, at)).setProtectedHeader({ alg: "EdDSA", typ: "kb+jwt" }).sign(privateKey(device));
  }

  /** Section 7.3. */
  async verify(shown, now = this.now, nonce = NONCE) {
    const end = shown.lastIndexOf("~") + 1;
    const [sdJwt, proof] = [shown.slice(0, end), shown.slice(end)];
    if (proof === "") throw new Refused("no key-binding JWT");
    const [issued, ...disclosures] = sdJwt.slice(0, -1).split("~");
    const currentDate = new Date(now * 1000);
    const { payload } = await jwtVerify(issued, this.issuerPublic, { algorithms: ["EdDSA"], typ: "dc+sd-jwt", currentDate });
    if (payload._sd_alg !== "sha-256") throw new Refused("another digest");
    const { _sd, _sd_alg, ...claims } = payload;
    const digests = new Set(_sd);
    for (const disclosure of disclosures) {
      // A digest is used up, so that none comes twice.
      if (!digests.delete(sha256(disclosure))) throw new Refused("a disclosure that the issuer did not sign");
      const [, name, value] = JSON.parse(Buffer.from(disclosure, "base64url"));
      if (name in claims || name === "_sd" || name === "...") throw new Refused("a claim twice");
      claims[name] = value;
    }
    const device = await importJWK(payload.cnf.jwk, "EdDSA");
    const checks = { algorithms: ["EdDSA"], typ: "kb+jwt", audience: COUNTER, maxTokenAge: 30, currentDate };
    const { payload: said } = await jwtVerify(proof, device, checks);
    if (said.nonce !== base64url(nonce)) throw new Refused("another nonce");
    if (said.sd_hash !== sha256(sdJwt)) throw new Refused("another permit");
    return claims;
  }

  async faulty(fault, given) {
    const is = (id) => fault.id === id;
    if (is("unprotected")) return undefined;
    const { payload, disclosures } = this.unsigned(fault.permit);
    let text = JSON.stringify(payload);
    if (is("duplicate")) text = text.replace('"exp":', `"exp":${payload.exp},"exp":`);
    const [signer, named] = signers(fault, given);
    const header = { ...this.header, kid: named.kid };
    if (is("critical")) Object.assign(header, { crit: ["unknown"], unknown: 1 });
    if (is("other-kind")) header.typ = "library-card+jwt";
    let issued = jws(header, text, signer);
    if (is("changed-signature")) issued = changed(issued, issued.lastIndexOf(".") + 1);
    if (is("changed-claim")) {
      const at = disclosures.findIndex((disclosure) => Buffer.from(disclosure, "base64url").includes("路"));
      disclosures[at] = base64url(swapped(Buffer.from(disclosures[at], "base64url")));
    }
    const sdJwt = [issued, ...disclosures, ""].join("~");
    if (is("no-proof")) return sdJwt;
    const binding = this.binding(sdJwt, fault.shown_at);
    let proof = jws({ alg: "EdDSA", typ: "kb+jwt" }, JSON.stringify(binding), is("other-device") ? given.other_device : fault.permit.device);
    if (is("changed-proof")) {
      const parts = proof.split(".");
      parts[1] = base64url(JSON.stringify({ ...binding, iat: binding.iat ^ 1 }));
      proof = parts.join(".");
    }
    // 64 bytes leave four bits of the last character unused.
    if (is("long-form")) proof = changed(proof, proof.length - 1);
    return sdJwt + proof + (is("trailing") ? "\n" : "");
  }
}

const sha256 = (text) => createHash("sha256").update(text).digest("base64url");
const swapped = (bytes) => Buffer.from(Buffer.from(bytes).toString("latin1")
  .replace(Buffer.from("路").toString("latin1"), Buffer.from("街").toString("latin1")), "latin1");
const LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
/** The lowest bit of one character turned round. */
const changed = (text, at) => text.slice(0, at) + LETTERS[LETTERS.indexOf(text[at]) ^ 1] + text.slice(at + 1);
const signers = (fault, given) => [
  ["stranger", "stolen-kid"].includes(fault.id) ? given.stranger : given.issuer,
  fault.id === "stranger" ? given.stranger : given.issuer,
];

/** By hand, for faults that the libraries do not sign. */
function sign1(header, payload, key) {
  const bytes = cbor.encode(header);
  return [bytes, new Map(), payload, sign(null, cbor.encode(["Signature1", bytes, Buffer.of(), payload]), privateKey(key))];
}

function jws(header, payload, key) {
  const message = `${base64url(JSON.stringify(header))}.${base64url(payload)}`;
  return `${message}.${base64url(sign(null, Buffer.from(message), privateKey(key)))}`;
}

async function answer(contender, fault, given) {
  const shown = ["trust-expired", "status-stale"].includes(fault.id) ? undefined : await contender.faulty(fault, given);
  if (shown === undefined) return { by: "nothing to hand over", why: "" };
  try {
    // What the counter asked for: where it asked, it was not this nonce.
    const nonce = fault.id === "unasked" ? Buffer.from("another") : NONCE;
    await contender.verify(shown, fault.now, nonce);
    if (fault.id === "replayed") await contender.verify(shown, fault.now, nonce);
  } catch (refusal) {
    return { by: refusal instanceof Refused ? "glue" : "library", why: `${refusal.constructor.name}: ${refusal.message}` };
  }
  return { by: "accepted", why: "" };
}

const [name, path] = process.argv.slice(2);
const given = JSON.parse(readFileSync(path, "utf8"));
const contender = new { cose: Cose, jose: SdJwt }[name](given);
contender.now = given.now;
const contents = given.permits.map((permit) => contender.content(permit));
const permits = await Promise.all(contents.map((content) => contender.issue(content)));
const shown = await Promise.all(permits.map((permit, i) => contender.present(permit, given.permits[i].device, given.now)));

const issuer = privateKey(given.issuer);
const issuerPublic = publicKey(given.issuer);
const bare = given.permits.map((permit) => {
  const message = hex(permit.claims);
  return {
    message, signature: sign(null, message, issuer),
    device: permit.device, deviceSignature: sign(null, message, privateKey(permit.device)),
  };
});
const work = {
  issue: (i) => contender.issue(contents[i]),
  verify: (i) => contender.verify(shown[i]),
  "bare-sign": (i) => sign(null, bare[i].message, issuer),
  "bare-verify": (i) => {
    const { message, signature, device, deviceSignature } = bare[i];
    if (!verifyBare(null, message, issuerPublic, signature)) throw new Error("issuer");
    if (!verifyBare(null, message, publicKey(device), deviceSignature)) throw new Error("device");
  },
};

/** Not every package lets its package.json be imported. */
const versionOf = (name) => JSON.parse(readFileSync(new URL(`node_modules/${name}/package.json`, import.meta.url))).version;

for await (const line of createInterface({ input: process.stdin })) {
  const [what, times] = line.split(" ");
  let said;
  if (what === "hello") {
    const lengths = (all) => all.map((one) => one.length);
    said = {
      versions: contender.packages.map((name) => `${name} ${versionOf(name)}`),
      mode: contender.mode, issued: lengths(permits), shown: lengths(shown), text: lengths(shown),
    };
  } else if (what === "faults") {
    said = {};
    for (const fault of given.faults) said[fault.id] = await answer(contender, fault, given);
  } else {
    const start = process.hrtime.bigint();
    if (what.startsWith("bare")) for (let i = 0; i < times; i++) work[what](i % permits.length);
    else for (let i = 0; i < times; i++) await work[what](i % permits.length);
    said = Number(process.hrtime.bigint() - start);
  }
  console.log(JSON.stringify(said));
}
