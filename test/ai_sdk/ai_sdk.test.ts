import type { LanguageModel as ModelOfSix } from "ai";
import type { LanguageModel as ModelOfSeven } from "ai-7";
import { expectTypeOf, test } from "vitest";
import type { BatonModel } from "../../src/ai_sdk/index.ts";
import { aiSdkContract } from "./ai_sdk_contract.ts";
import { sdks } from "./sdks.ts";

for (const [name, sdk] of Object.entries(sdks)) aiSdkContract(name, sdk);

test("the types of both take Baton's model", () => {
  expectTypeOf<BatonModel>().toExtend<ModelOfSix>();
  expectTypeOf<BatonModel>().toExtend<ModelOfSeven>();
});
