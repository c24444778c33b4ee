// Verbs that are programs of their own: `assay x ..` runs assay-x, and `assay x y ..` runs assay-x-y, or
// assay-x with the argument y where x is a group of this program's verbs that has no y.
#pragma once

#include <string>
#include <vector>

namespace assay::cli {

class Program;

/// The verbs x of the programs assay-x beside this one, in order.
[[nodiscard]] std::vector<std::string> external_verbs();

/// Becomes the program that `arguments` ask for, beside this one or in PATH, when no verb of `program`
/// answers to them. kDone when the program itself is to run, kFailed, after a line on stderr, when there is
/// no such verb.
[[nodiscard]] int run_external_verb(const Program& program, const std::vector<char*>& arguments);

}  // namespace assay::cli
