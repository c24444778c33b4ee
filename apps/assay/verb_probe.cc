// `assay probe`: readings of a model's state that someone can check.
#include "program.h"

namespace assay::cli {

void add_probe(Program& program) {
  program.add_group(
      "probe", "Train probes of a model's state, and state and check what they read",
      "Verbs not listed (extract, plan, causal, calibrate, plot, demo), and verify with --model,\n"
      "run the program assay-probe of the Python package, if it is there.");
  add_probe_keygen(program);
  add_probe_train(program);
  add_probe_evaluate(program);
  add_probe_attest(program);
  add_probe_verify(program);
  add_probe_inspect(program);
  add_probe_checkpoint(program);
  add_probe_drift(program);
}

}  // namespace assay::cli
