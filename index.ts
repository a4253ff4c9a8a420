import { readConfig } from "./program/program";
import { deploy } from "./program/deploy";

/**
 * One stack is one cluster. An update, by the folders that do it (docs/architecture.md):
 *
 * 1. config/ reads the stack's configuration, by core/schema/
 * 2. live/ reads the cluster, and program/ the last update's outputs
 * 3. plan/ decides what there is to be, in which order, from what components/ build
 * 4. policy/ judges that, before anything is registered
 * 5. program/ registers it, and waits where the order asks for it
 */
export = async () => deploy(readConfig());
