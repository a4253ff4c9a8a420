import { createHash, randomBytes, randomInt } from "node:crypto";
import type { Plugin } from "../plugin";
import { same, secret, type Fields } from "../values";

const classes = { lower: "abcdefghijklmnopqrstuvwxyz", upper: "ABCDEFGHIJKLMNOPQRSTUVWXYZ", numeric: "0123456789" };
const special = "!@#$%&*()-_=+[]{}<>:?";

/** The random provider: values that are made once, and again only when what they are made of changes. */
export function randomProvider(): Plugin {
  return {
    version: "4.21.2",
    configure: () => Promise.resolve(),
    diffConfig: () => [],
    check: ({ type }, news) => {
      const size = /RandomId$/.test(type) ? "byteLength" : "length";
      const known = /:Random(Password|String|Id)$/.test(type);
      const failures = known
        ? [...(typeof news[size] === "number" || typeof news[size] === "string" ? [] : [`${size} is missing`])]
        : [`${type} is not one of RandomPassword, RandomString, RandomId`];
      return Promise.resolve({ inputs: news, failures });
    },
    diff: (_, { inputs }, news) => {
      const changed = [...new Set([...Object.keys(inputs), ...Object.keys(news)])].filter(
        (key) => !same(inputs[key], news[key]),
      );
      const paths = changed.map((key) => {
        const kind = key in inputs ? (key in news ? "update" : "delete") : "add";
        return [key, { kind, replace: true }] as const;
      });
      return Promise.resolve({ paths: Object.fromEntries(paths), deleteBeforeReplace: false });
    },
    create: ({ type }, news, { preview }) => {
      // What it will be is not known in a preview.
      if (preview) return Promise.resolve({ id: "", state: news });
      return Promise.resolve(/RandomId$/.test(type) ? bytes(news) : text(news, /RandomPassword$/.test(type)));
    },
    read: ({ id }, state, inputs) => Promise.resolve({ id, state, inputs }),
    update: ({ id }, state, news) => Promise.resolve({ id, state: { ...state, ...news } }),
    delete: () => Promise.resolve(),
  };
}

function text(news: Fields, password: boolean) {
  const length = Number(news["length"]);
  const asked = (name: string) => (news[name] ?? true) !== false;
  const given = typeof news["overrideSpecial"] === "string" ? news["overrideSpecial"] : special;
  const groups: readonly [string, string][] = [
    ...Object.entries(classes).filter(([name]) => asked(name)),
    ...(asked("special") ? ([["special", given]] as [string, string][]) : []),
  ];
  const minimum = (name: string) => Number(news[`min${name[0]?.toUpperCase()}${name.slice(1)}`] ?? 0);
  const required = groups.flatMap(([name, from]) => Array.from({ length: minimum(name) }, () => pick(from)));
  if (required.length > length || groups.length === 0) throw new Error("length leaves no room for what it must have");
  const all = groups.map(([, from]) => from).join("");
  const result = shuffled([...required, ...Array.from({ length: length - required.length }, () => pick(all))]).join("");
  if (!password) return { id: result, state: { ...news, result } };
  // The official provider has bcrypt's; nothing of ours reads it.
  const bcryptHash = secret(createHash("sha256").update(result).digest("hex"));
  return { id: "none", state: { ...news, result: secret(result), bcryptHash } };
}

const pick = (from: string) => from.charAt(randomInt(from.length));

function shuffled(letters: readonly string[]): string[] {
  const mixed: string[] = [];
  for (const letter of letters) mixed.splice(randomInt(mixed.length + 1), 0, letter);
  return mixed;
}

function bytes(news: Fields) {
  const made = randomBytes(Number(news["byteLength"]));
  const id = made.toString("base64url");
  const prefix = typeof news["prefix"] === "string" ? news["prefix"] : "";
  const forms = {
    b64Std: made.toString("base64"),
    b64Url: id,
    hex: made.toString("hex"),
    dec: BigInt(`0x${made.toString("hex")}`).toString(),
  };
  const prefixed = Object.fromEntries(Object.entries(forms).map(([form, value]) => [form, prefix + value]));
  return { id, state: { ...news, ...prefixed } };
}
