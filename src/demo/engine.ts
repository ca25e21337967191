import {
  type AdapterSummary,
  type Agent,
  type AgentOptions,
  type CatalogueModel,
  type ClaimOptions,
  type ComparedPolicies,
  type ComparePoliciesOptions,
  type Conversation,
  catalogue,
  claimModel,
  comparePolicies,
  createAgent,
  createBrowserPlatform,
  createRuntime,
  type DeviceOptions,
  type Message,
  type ModelClaim,
  modelStorage,
  type OnProgress,
  type PolicyName,
  type Runtime,
  type RuntimeEvent,
} from "../index.ts";

/** All that the page asks of Baton as a whole, in one place; the views use runtimes, conversations and agents by their public types. */

export type ModelChoice =
  | { readonly kind: "catalogue"; readonly name: string }
  | { readonly kind: "file"; readonly file: File }
  | { readonly kind: "url"; readonly url: string };

/** Which devices a runtime has, and its policy. */
export interface Setup {
  readonly policy: PolicyName;
  readonly devices: "auto" | readonly Pick<DeviceOptions, "role">[];
}

export const models: readonly CatalogueModel[] = catalogue.models;

export function describeChoice(choice: ModelChoice): string {
  switch (choice.kind) {
    case "catalogue":
      return models.find(({ name }) => name === choice.name)?.title ?? choice.name;
    case "file":
      return choice.file.name;
    case "url":
      return choice.url.split("/").at(-1) || choice.url;
    default:
      return choice satisfies never;
  }
}

/** What is compared, and how. */
export type ComparisonChoice = Omit<ComparePoliciesOptions, "model" | "devices">;

/** Beside the runtime, on a prefiller and a decoder of its own and in a worker of its own. @throws BatonError; the signal's reason */
export function compareOn(choice: ModelChoice, compared: ComparisonChoice): Promise<ComparedPolicies> {
  return comparePolicies({ model: modelOf(choice), ...compared });
}

/** @throws BatonError; the signal's reason */
export function openRuntime(
  choice: ModelChoice,
  { policy, devices }: Setup,
  { onProgress, signal }: { readonly onProgress: OnProgress; readonly signal: AbortSignal },
): Promise<Runtime> {
  return createRuntime({ model: modelOf(choice), policy, devices, onProgress, signal });
}

function modelOf(choice: ModelChoice): string | Blob {
  if (choice.kind === "file") return choice.file;
  return choice.kind === "url" ? choice.url : choice.name;
}

export async function closeRuntime(runtime: Runtime): Promise<void> {
  await runtime.dispose();
}

export type { ModelClaim };

/** This tab's right to have a model, whichever; undefined where another tab of the page has it. */
export function claimPage(options: ClaimOptions): Promise<ModelClaim | undefined> {
  return claimModel("demo-page", options);
}

/** A conversation that begins with these messages: nothing of them is in a cache yet. */
export async function beginConversation(
  runtime: Runtime,
  messages: readonly Message[],
): Promise<Conversation> {
  return runtime.conversation({ messages });
}

/** Another conversation with the first messages of one, and their KV. */
export async function forkConversation(conversation: Conversation, messages: number): Promise<Conversation> {
  return conversation.fork({ messages });
}

/** An agent, and the id of its conversation once it has one. */
export function beginAgent(
  runtime: Runtime,
  options: AgentOptions,
  onConversation: (id: string) => void,
): Agent {
  const conversation: Runtime["conversation"] = (given) => {
    const begun = runtime.conversation(given);
    onConversation(begun.id);
    return begun;
  };
  return createAgent({ conversation }, options);
}

/** @returns what ends it */
export function observe(
  runtime: Runtime,
  listener: (event: RuntimeEvent) => void,
  options: { readonly kvEveryMs?: number } = {},
): () => void {
  return runtime.observe(listener, options);
}

export interface AdapterReport {
  readonly summary: AdapterSummary;
  readonly features: readonly string[];
  readonly limits: readonly (readonly [name: string, value: number])[];
}

/** What the browser gives, from best to worst; empty where it gives none. @throws DeviceError `no-adapter` without WebGPU */
export async function listAdapters(): Promise<readonly AdapterReport[]> {
  const platform = createBrowserPlatform();
  const summaries = await platform.listAdapters();
  return Promise.all(
    summaries.map(async (summary) => {
      const { adapter, release } = await platform.openAdapter({ name: summary.name });
      const report = { summary, features: [...adapter.features].sort(), limits: limitsOf(adapter.limits) };
      release();
      return report;
    }),
  );
}

/** The limits that decide what fits, and how kernels are cut. */
const LIMITS = [
  "maxBufferSize",
  "maxStorageBufferBindingSize",
  "maxComputeWorkgroupStorageSize",
  "maxComputeInvocationsPerWorkgroup",
  "maxComputeWorkgroupSizeX",
  "maxComputeWorkgroupsPerDimension",
  "maxStorageBuffersPerShaderStage",
] as const;

function limitsOf(limits: GPUSupportedLimits): (readonly [string, number])[] {
  return LIMITS.map((name) => [name, limits[name]]);
}

/** The names of the kernel choices that are remembered for this browser. */
export async function rememberedTunings(): Promise<readonly string[]> {
  const names = await createBrowserPlatform().settings.names();
  return names.filter((name) => name.startsWith("tuning-"));
}

export interface StorageReport {
  readonly usedBytes: number;
  readonly quotaBytes: number;
  readonly models: number;
  /** Whether the browser may clear it by itself when it needs room; undefined where it does not say. */
  readonly persistent: boolean | undefined;
}

/** Undefined where the browser does not say, as outside secure contexts. */
export async function storageReport(): Promise<StorageReport | undefined> {
  const storage = modelStorage();
  const { usedBytes, quotaBytes, persisted } = await storage.usage();
  if (quotaBytes === undefined) return undefined;
  const models = (await storage.list()).filter(({ whole }) => whole).length;
  return { usedBytes, quotaBytes, models, persistent: persisted };
}

/** Downloaded models; what is loaded stays loaded. */
export async function clearModels(): Promise<void> {
  await modelStorage().clear();
}

/** A file of the hub by `owner/name/path.gguf`, or any address; undefined for what is neither. */
export function addressOf(text: string): string | undefined {
  const wanted = text.trim();
  if (/^https?:\/\//.test(wanted)) return URL.canParse(wanted) ? wanted : undefined;
  const hub = /^([\w.-]+\/[\w.-]+)\/(.+\.gguf)$/i.exec(wanted);
  return hub ? `https://huggingface.co/${hub[1]}/resolve/main/${hub[2]}` : undefined;
}
