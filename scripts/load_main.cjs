/** Apart from run.cjs because an old Node cannot even read `import()`. */
import("./main.mjs").then(({ main }) => main(process.argv.slice(2)));
