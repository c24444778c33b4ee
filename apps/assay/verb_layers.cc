// `assay layers`: which layers of a model matter, and who checks which.
#include "program.h"

namespace assay::cli {

void add_layers(Program& program) {
  program.add_group(
      "layers", "Choose which layers of a model are checked, and by whom",
      "Verbs not listed (plot, norms, cases, compare, plot-results, scalability, damage, benchmark,\n"
      "run-all, check, demo), and score with --model, run the program assay-layers of the Python\n"
      "package, if it is there.");
  add_layers_score(program);
  add_layers_select(program);
}

}  // namespace assay::cli
