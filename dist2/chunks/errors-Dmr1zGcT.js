class BatonError extends Error {
  code;
  fields;
  constructor(code, message, fields = {}, options) {
    super(message, options);
    this.code = code;
    this.fields = fields;
  }
  toPlain() {
    return { name: this.name, code: this.code, message: this.message, fields: this.fields };
  }
}
class InputError extends BatonError {
  name = "InputError";
}
class ModelError extends BatonError {
  name = "ModelError";
}
class DeviceError extends BatonError {
  name = "DeviceError";
}
class CapacityError extends BatonError {
  name = "CapacityError";
}
class OtherError extends BatonError {
  name;
  constructor({ name, code, message, fields }) {
    super(code, message, fields);
    this.name = name;
  }
}
function fromPlain(plain) {
  const Class = classOf(plain.name);
  return Class === void 0 ? new OtherError(plain) : new Class(plain.code, plain.message, plain.fields);
}
function classOf(name) {
  const classes = { InputError, ModelError, DeviceError, CapacityError };
  return Object.hasOwn(classes, name) ? classes[name] : void 0;
}
export {
  BatonError as B,
  CapacityError as C,
  DeviceError as D,
  InputError as I,
  ModelError as M,
  fromPlain as f
};
//# sourceMappingURL=errors-Dmr1zGcT.js.map
