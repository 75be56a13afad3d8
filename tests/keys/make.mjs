// Makes the keys of the tests of tokens in the folder that it is called with. They are made where
// the tests run and are good for nothing else.
import { generateKeyPairSync } from "node:crypto";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";

const folder = process.argv[2];
mkdirSync(folder, { recursive: true });
const write = (name, text) => writeFileSync(join(folder, name), text, { mode: 0o600 });
const jwks = (keys) => JSON.stringify({ keys }, null, 1);

const made = {
  rsa: ["rsa", { modulusLength: 2048 }],
  "rsa-other": ["rsa", { modulusLength: 2048 }],
  "rsa-short": ["rsa", { modulusLength: 1024 }],
  p256: ["ec", { namedCurve: "P-256" }],
  p384: ["ec", { namedCurve: "P-384" }],
  ed25519: ["ed25519", {}],
};
const public_ = {};
for (const [name, [type, options]] of Object.entries(made)) {
  const { publicKey, privateKey } = generateKeyPairSync(type, options);
  write(`${name}.pem`, privateKey.export({ type: "pkcs8", format: "pem" }));
  write(`${name}.pub.pem`, publicKey.export({ type: "spki", format: "pem" }));
  public_[name] = { ...publicKey.export({ format: "jwk" }), kid: name };
}
const signs = (name, more = {}) => ({ ...public_[name], use: "sig", ...more });
const rs256 = (name) => signs(name, { alg: "RS256" });

write("rsa.jwks.json", jwks([rs256("rsa")]));
write("rsa-other.jwks.json", jwks([rs256("rsa-other")]));
// Keys that count, and what a set may hold besides.
const secret = Buffer.from("a secret that anybody can read, of 32 bytes").toString("base64url");
write(
  "all.jwks.json",
  jwks([
    rs256("rsa"),
    rs256("rsa-other"),
    rs256("rsa-short"),
    signs("p256"),
    signs("p384"),
    public_.ed25519,
    { kty: "oct", kid: "oct", alg: "HS256", k: secret },
    { ...rs256("rsa"), use: "enc", kid: "rsa-enc" },
    { ...signs("rsa", { alg: "RS512" }), kid: "rsa-512" },
    { kty: "RSA", kid: "rsa-empty" },
    { kid: "nothing" },
    7,
  ]),
);
