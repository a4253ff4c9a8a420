import {
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { removeControlGroup } from "./controlGroups";
import { endProcesses, isRunning, LabError, type ProcessIdentity, type ProcessRecord } from "./processes";

/** What is known of a control plane, in state.json of its directory, so that another process can end it. */
export interface State {
  /** The process without which it has no purpose; none once it runs for itself. */
  readonly owner?: ProcessIdentity;
  readonly server: string;
  readonly processes: readonly ProcessRecord[];
  /** The names of its control groups. */
  readonly groups?: readonly string[];
}

const prefix = "zero-trust-lab-";
const fileOf = (directory: string) => join(directory, "state.json");

/** A directory for a control plane that ends with this process. */
export const temporaryDirectory = () => mkdtempSync(join(tmpdir(), prefix));

export function writeState(directory: string, state: State): void {
  mkdirSync(directory, { recursive: true, mode: 0o700 });
  writeFileSync(`${fileOf(directory)}.new`, JSON.stringify(state, null, 2));
  renameSync(`${fileOf(directory)}.new`, fileOf(directory));
}

/** The state of the control plane in a directory; undefined where there is none. */
export function readState(directory: string): State | undefined {
  if (!existsSync(fileOf(directory))) return undefined;
  try {
    return JSON.parse(readFileSync(fileOf(directory), "utf8")) as State;
  } catch {
    throw new LabError(`${fileOf(directory)} cannot be read: end what runs from it by hand, and remove the directory`);
  }
}

/** Ends a control plane, and removes all that it had. */
export async function removeControlPlane(directory: string): Promise<void> {
  const { processes = [], groups = [] } = readState(directory) ?? {};
  await endProcesses(processes);
  groups.forEach(removeControlGroup);
  rmSync(directory, { recursive: true, force: true });
}

/** Whether the control plane of a state has lost what it needs: its owner, or a process of its own. */
export const isCrashed = ({ owner, processes }: State) => !(owner ? isRunning(owner) : processes.every(isRunning));

/** Removes what processes that ended without a farewell have left in the temporary directory. Only what is this user's own: others could name any process in theirs. */
export async function removeCrashed(): Promise<void> {
  for (const name of readdirSync(tmpdir()).filter((name) => name.startsWith(prefix))) {
    const directory = join(tmpdir(), name);
    const stat = lstatSync(directory, { throwIfNoEntry: false });
    if (!stat?.isDirectory() || stat.uid !== process.getuid?.()) continue;
    const state = readState(directory);
    if (state && isCrashed(state)) await removeControlPlane(directory);
  }
}
