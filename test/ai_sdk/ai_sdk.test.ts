import { aiSdkContract } from "./ai_sdk_contract.ts";
import { sdks } from "./sdks.ts";

for (const [name, sdk] of Object.entries(sdks)) aiSdkContract(name, sdk);
