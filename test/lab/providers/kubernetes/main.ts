import { serve } from "../plugin";
import { kubernetesProvider } from "./provider";

serve(kubernetesProvider());
