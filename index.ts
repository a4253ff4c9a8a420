import { clusterProvider } from "./components/cluster";
import { plan } from "./components/plan";
import { readConfig, readKnown, registerPlan } from "./components/program";
import { preflight } from "./policy/preflight";

/** One stack is one cluster: its configuration in, its components out. */
export = async () => {
  const config = readConfig();
  const known = await readKnown(config);
  const update = plan(config, known.previous);

  const refusal = preflight(config, known, update);
  const outputs = registerPlan(update, known.previous, clusterProvider(config.cluster), config);
  if (refusal) throw refusal;
  return outputs;
};
