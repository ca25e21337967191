/** WebGPU's flag constants (WebGPU §5.1 and others); Node has no global `GPUBufferUsage`. */
export const bufferUsage = {
  mapRead: 0x0001,
  copySrc: 0x0004,
  copyDst: 0x0008,
  uniform: 0x0040,
  storage: 0x0080,
  queryResolve: 0x0200,
} as const;

export const shaderStage = { compute: 0x4 } as const;
export const mapMode = { read: 0x1 } as const;
