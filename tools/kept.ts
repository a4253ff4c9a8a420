import {
  constants,
  copyFileSync,
  linkSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  renameSync,
  rmSync,
  statSync,
  utimesSync,
} from "node:fs";
import { homedir } from "node:os";
import { join } from "node:path";

/** How long a program is kept that no checkout asks for, in milliseconds: 30 days. */
const shelfLife = 30 * 24 * 60 * 60 * 1000;

/** Where programs are kept for the user's other checkouts: a directory for each name, a file in it for each key. */
const shelf = (name: string) =>
  join(process.env["XDG_CACHE_HOME"] || join(homedir(), ".cache"), "zero-trust", "programs", name);

/** Takes a program that was kept: links it to a path, or copies it where that is another file system. False where there is none. */
export function kept(name: string, key: string, path: string): boolean {
  const file = join(shelf(name), key);
  try {
    linkOrCopy(file, path);
    const now = new Date();
    utimesSync(file, now, now);
    return true;
  } catch {
    return false;
  }
}

/** Keeps a program, and forgets those of its name that nobody has asked for in a while. What fails costs another checkout its time, and no more. */
export function keep(name: string, key: string, path: string): void {
  try {
    mkdirSync(shelf(name), { recursive: true });
    const directory = mkdtempSync(join(shelf(name), "new-"));
    linkOrCopy(path, join(directory, key));
    renameSync(join(directory, key), join(shelf(name), key));
    rmSync(directory, { recursive: true });
    for (const entry of readdirSync(shelf(name)).map((entry) => join(shelf(name), entry)))
      if (Date.now() - statSync(entry).mtimeMs > shelfLife) rmSync(entry, { recursive: true, force: true });
  } catch {
    // A disk that is full, or a home directory that cannot be written.
  }
}

function linkOrCopy(from: string, to: string): void {
  try {
    linkSync(from, to);
  } catch {
    copyFileSync(from, to, constants.COPYFILE_EXCL);
  }
}
