import { serve } from "../plugin";
import { randomProvider } from "./provider";

serve(randomProvider());
