import { accessSync, constants } from "node:fs";
import { delimiter, join, resolve } from "node:path";

/** A program that the user has on PATH; undefined where there is none but what this project has built. */
export function onPath(name: string): string | undefined {
  const directories = (process.env["PATH"] ?? "").split(delimiter).filter((path) => path !== "");
  return directories
    .filter((directory) => resolve(directory) !== resolve(".build", "bin"))
    .map((directory) => join(directory, name))
    .find(isExecutable);
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
