/** As much of a ClusterSPIFFEID or ClusterStaticEntry as tells what became of it (spire-controller-manager, api/v1alpha1). */
export interface Registration {
  readonly kind: "ClusterSPIFFEID" | "ClusterStaticEntry";
  readonly name: string;
  readonly status?: {
    readonly stats?: {
      readonly podsSelected?: number;
      readonly entriesMasked?: number;
      readonly entryFailures?: number;
      readonly podEntryRenderFailures?: number;
    };
    readonly rendered?: boolean;
    readonly masked?: boolean;
  };
}

/** What the controller-manager says of some registrations. */
export interface Told {
  /** Of which it has said nothing yet. */
  readonly pending: readonly string[];
  /** What is as it was wanted. */
  readonly good: readonly string[];
  /** What is not. */
  readonly bad: readonly string[];
}

/** What became of the registrations of an update. */
export function registrationsOf(registrations: readonly Registration[]): Told {
  const told = registrations.map((registration) => ({ registration, said: sayingOf(registration) }));
  const those = (key: "good" | "bad") => told.flatMap(({ said }) => (said && key in said ? [said.text] : []));
  return {
    pending: told.flatMap(({ registration: { kind, name }, said }) => (said ? [] : [`${kind} ${name}`])),
    good: those("good"),
    bad: those("bad"),
  };
}

type Saying = { readonly text: string } & ({ readonly good: true } | { readonly bad: true });

function sayingOf({ kind, name, status }: Registration): Saying | undefined {
  const what = `${kind} ${name}`;
  if (kind === "ClusterStaticEntry") {
    // `set` says nothing: 0.6.2 takes it back at its next look, when there is nothing to do.
    if (status?.rendered === undefined) return undefined;
    if (status.rendered && !status.masked) return { good: true, text: `${what}: an entry` };
    const because = status.masked ? "another one for the same is in its place" : "no entry can be made of it";
    return { bad: true, text: `${what} is without effect: ${because}. Look at: ${lookAt(kind, name)}` };
  }
  const { stats } = status ?? {};
  if (stats === undefined) return undefined;
  const { podsSelected = 0, podEntryRenderFailures = 0, entryFailures = 0 } = stats;
  const failures = podEntryRenderFailures + entryFailures;
  const pods = podsSelected === 1 ? "1 pod" : `${podsSelected} pods`;
  if (failures === 0) return { good: true, text: `${what}: ${pods}` };
  return { bad: true, text: `${what}: ${failures} of ${pods} without an identity. Look at: ${lookAt(kind, name)}` };
}

const lookAt = (kind: string, name: string) =>
  `kubectl get ${kind.toLowerCase()} ${name} --output yaml, and kubectl --namespace spire logs spire-server-0 --container spire-controller-manager`;
