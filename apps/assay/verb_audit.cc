// `assay audit`: what each layer computed, committed before the challenge, checked by a CPU.
#include "program.h"

namespace assay::cli {

void add_audit(Program& program) {
  program.add_group("audit", "Check what each layer of a model computed, from what the provider opens",
                    "Verbs that are not listed run the program assay-audit of the Python package, if it is\n"
                    "there.");
  add_audit_enroll(program);
  add_audit_challenge(program);
  add_audit_open(program);
  add_audit_check(program);
  add_audit_listen(program);
}

}  // namespace assay::cli
