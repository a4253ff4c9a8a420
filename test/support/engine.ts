import * as pulumi from "@pulumi/pulumi";
import { type MockMonitor } from "@pulumi/pulumi/runtime/mocks";
import { passedOn } from "../../config/accessFile";
import type { StackConfig } from "../../core/schema/schema";
import program from "../../index";

/** One registration as the engine gets it. */
export interface Registered {
  readonly type: string;
  readonly name: string;
  readonly inputs: Readonly<Record<string, unknown>>;
  /** Names of the parent, the provider and the explicit dependencies. */
  readonly parent: string;
  readonly provider: string;
  readonly dependencies: readonly string[];
  readonly protect: boolean;
  readonly retainOnDelete: boolean;
  /** How long an update of it may take, as in `1m`; empty for as long as the provider has it. */
  readonly mayTake: string;
  /** The same until it is made. */
  readonly mayTakeAtFirst: string;
}

/** The part of a registration request that the official mocks do not pass on. */
interface Request {
  getType(): string;
  getName(): string;
  getParent(): string;
  getProvider(): string;
  getCustomtimeouts(): { getCreate(): string; getUpdate(): string } | undefined;
  getDependenciesList(): string[];
  getProtect(): boolean;
  getRetainondelete(): boolean;
}

export interface Run {
  readonly registered: readonly Registered[];
  readonly outputs: Readonly<Record<string, unknown>>;
}

/** What each password is that the program has made. */
export const generated = "a generated password";

/**
 * Runs the program under Pulumi's official mocks, made strict: a type that no plan has, and any call, throws.
 *
 * @param lastOutputs what the StackReference to the stack itself finds
 * @param options.registered filled as the program goes, for a program that throws
 */
export async function runProgram(
  stack: string,
  config: StackConfig,
  lastOutputs: object,
  { preview = false, registered = [] as Registered[] } = {},
): Promise<Run> {
  const inputs = new Map<string, Record<string, unknown>>();
  await pulumi.runtime.setMocks(
    {
      newResource: ({ type, name, inputs: given }) => {
        if (type === "pulumi:pulumi:StackReference")
          return { id: name, state: { ...(given as object), outputs: lastOutputs } };
        if (type === "random:index/randomPassword:RandomPassword")
          return { id: "none", state: { ...(given as object), result: generated } };
        if (!/^(pulumi:providers:kubernetes$|zero-trust:|kubernetes:)/.test(type))
          throw new Error(`unexpected ${type}`);
        inputs.set(`${type} ${name}`, given as Record<string, unknown>);
        return { id: `${name}-id`, state: given as object };
      },
      call: ({ token }) => {
        throw new Error(`unexpected call of ${token}`);
      },
    },
    "zero-trust",
    stack,
    preview,
    "organization",
  );
  const monitor = pulumi.runtime.getMonitor() as unknown as MockMonitor;
  const register = monitor.registerResource.bind(monitor);
  monitor.registerResource = async (request: Request, callback) => {
    await register(request, callback);
    registered.push({
      type: request.getType(),
      name: request.getName(),
      inputs: inputs.get(`${request.getType()} ${request.getName()}`) ?? {},
      parent: nameOf(request.getParent()),
      provider: nameOf(request.getProvider().split("::").slice(0, -1).join("::")),
      dependencies: request.getDependenciesList().map(nameOf).sort(),
      protect: request.getProtect(),
      retainOnDelete: request.getRetainondelete(),
      mayTake: request.getCustomtimeouts()?.getUpdate() ?? "",
      mayTakeAtFirst: request.getCustomtimeouts()?.getCreate() ?? "",
    });
  };
  const { baseValues: _, ...written } = config;
  pulumi.runtime.setAllConfig(passedOn(written));
  const settle = pulumi.runtime as unknown as { waitForRPCs(): Promise<void> };
  try {
    return { registered, outputs: await program() };
  } finally {
    await settle.waitForRPCs();
  }
}

/** What the SDK keeps inside an output. */
interface Inside<T> {
  readonly isKnown: Promise<boolean>;
  promise(): Promise<T>;
  allResources(): Promise<Set<pulumi.Resource>>;
}

/** The value of an output; rejects when it is not known, instead of waiting for ever. */
export async function valueOf<T>(output: pulumi.Output<T>): Promise<T> {
  const inside = output as unknown as Inside<T>;
  if (!(await inside.isKnown)) throw new Error("the output is not known");
  return inside.promise();
}

/** Names of the resources that an output waits for. */
export async function waitedFor(output: pulumi.Output<unknown>): Promise<string[]> {
  const resources = await (output as unknown as Inside<unknown>).allResources();
  const urns = await Promise.all([...resources].map(({ urn }) => valueOf(urn)));
  return urns.map(nameOf);
}

const nameOf = (urn: string) => urn.split("::").at(-1) ?? "";
