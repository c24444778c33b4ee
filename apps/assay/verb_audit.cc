// `assay audit`: what each layer computed, committed before the challenge, checked by a CPU.
#include "program.h"

namespace assay::cli {

void add_audit(Program& program) {
  program.add_group("audit", "Check what each layer of a model computed, from what the provider opens",
                    "Verbs not listed (run, calibrate, sample, demo), and enroll with --model, run the\n"
                    "program assay-audit of the Python package, if it is there.");
  add_audit_enroll(program);
  add_audit_challenge(program);
  add_audit_open(program);
  add_audit_check(program);
  add_audit_listen(program);
}

}  // namespace assay::cli
