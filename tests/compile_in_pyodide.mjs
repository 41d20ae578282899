// Compiles sources on Pyodide, warnings as errors, and prints what fails; says, too, whether threads start there.
// node compile_in_pyodide.mjs FOLDER SOURCES: the folder of the npm package, and a file of JSON with code by name.
import { readFileSync } from "node:fs";
import { pathToFileURL } from "node:url";

const [folder, sources] = process.argv.slice(2);
const { loadPyodide } = await import(pathToFileURL(`${folder}/pyodide.mjs`));
const pyodide = await loadPyodide({ indexURL: `${folder}/` });
pyodide.globals.set("text", readFileSync(sources, "utf-8"));
console.log(pyodide.runPython(`
import json, sys, types, warnings

warnings.simplefilter("error")
sources, failed = json.loads(text), {}
for name, source in sources.items():
    try:
        compile(source, name, "exec")
    except (SyntaxError, SyntaxWarning, DeprecationWarning) as error:
        failed[name] = str(error)
progress = types.ModuleType("progress")
exec(sources["d2lbptt/_progress.py"], progress.__dict__)
json.dumps({"python": sys.version.split()[0], "failed": failed, "threads": progress.threads_start()})
`));
