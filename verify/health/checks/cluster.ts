import { fail, given, kubectl, ok, unknown, warn, type Check } from "../finding";
import { effectivePhase } from "../../../core/rollout/phases";

/** Whether the context leads to the cluster that the stack belongs to. */
export const cluster: Check = {
  name: "cluster",
  of: "cluster",
  look: (facts) => {
    const { uid, config, stack } = facts;
    const { context, identity } = config.cluster;
    if (!("known" in uid))
      return /answered 40[13]/.test(uid.because)
        ? unknown(`which cluster ${context} leads to`, uid.because, facts)
        : fail(
            `the cluster ${context} cannot be reached (${uid.because})`,
            `${kubectl(facts)} get namespace kube-system, and the context ${context} in the kubeconfig`,
          );
    return uid.known === identity
      ? ok(`${context} leads to the cluster ${identity}`)
      : fail(
          `${context} leads to the cluster ${uid.known}, and the stack belongs to ${identity}`,
          `choose the right context: pulumi config set --stack ${stack} --path cluster.context NAME; if this is the right cluster: pulumi config set --stack ${stack} --path cluster.identity ${uid.known}`,
        );
  },
};

/** Whether the last update brought what the stack file says. */
export const recorded: Check = {
  name: "recorded",
  of: "cluster",
  look: (facts) =>
    given(facts.recorded, "what the last update recorded", facts, (state) => {
      const { auth, rollout, mesh } = facts.config;
      const up = `pulumi up --stack ${facts.stack}`;
      if (!state) return warn("no update of this stack has ended yet", up);
      const flag = (on: boolean) => (on ? "on" : "off");
      if (state.auth !== auth)
        return warn(`authentication was left ${flag(state.auth)}, and the stack file says ${flag(auth)}`, up);
      const behind = Object.entries(rollout.phases).flatMap(([namespace, phase]) => {
        const wanted = effectivePhase(phase, auth, mesh !== undefined);
        const is = state.phases[namespace] ?? "off";
        return is === wanted ? [] : [`${namespace} is ${is}, and the stack file says ${wanted}`];
      });
      if (behind.length > 0) return warn(behind.join("; "), `${up}, which says what it waits for`);
      const phases = Object.entries(state.phases).map(([namespace, phase]) => `${namespace} ${phase}`);
      return ok(`authentication ${flag(auth)}${phases.length > 0 ? `, ${phases.join(", ")}` : ""}`);
    }),
};
