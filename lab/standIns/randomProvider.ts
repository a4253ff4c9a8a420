import { randomInt } from "node:crypto";
import { isDeepStrictEqual } from "node:util";
import { main, type Provider } from "@pulumi/pulumi/provider";

// Stands in for Pulumi's random provider, which is no Go module that can be had: the one resource of it that this project uses, with what it uses of that.

interface Inputs {
  readonly length: number;
  readonly special?: boolean;
}

const alphanumeric = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";

/** A value that is secret, in Pulumi's protocol. */
const secret = (value: string) => ({
  "4dabf18193072939515e22adb298388d": "1b47061264138c4ac30d75fd1eb44270",
  value,
});

const provider: Provider = {
  check: (urn, _, news: Inputs) => {
    const isPassword = urn.split("::").at(-2)?.endsWith(":RandomPassword") ?? false;
    const failures = [
      ...(isPassword ? [] : [{ property: "type", reason: "the lab has no other resource than RandomPassword" }]),
      ...(news.special === false ? [] : [{ property: "special", reason: "the lab has letters and digits alone" }]),
    ];
    return Promise.resolve({ inputs: news, failures });
  },
  diff: (_id, _urn, olds: Inputs, news: Inputs) => {
    const replaces = (["length", "special"] as const).filter((key) => !isDeepStrictEqual(olds[key], news[key]));
    return Promise.resolve({ changes: replaces.length > 0, replaces });
  },
  create: (_, inputs: Inputs) => {
    const letters = Array.from({ length: inputs.length }, () => alphanumeric[randomInt(alphanumeric.length)]);
    return Promise.resolve({ id: "none", outs: { ...inputs, result: secret(letters.join("")) } });
  },
  delete: () => Promise.resolve(),
};

void main(provider, process.argv.slice(2));
