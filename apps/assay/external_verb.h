// Verbs that are programs of their own: `assay x ..` runs assay-x, and `assay x y ..` runs assay-x-y, or
// assay-x with the argument y where x is a group of this program's verbs that has no y.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "assay/base.h"

namespace assay::cli {

class Program;

/// The verbs x of the programs assay-x beside this one, in order.
[[nodiscard]] std::vector<std::string> external_verbs();

/// Writes one line to stderr on why a command could not do what it was asked: error_line().
void say_error(std::string_view text);

/// Becomes the program of that name, beside this one or in PATH. Errors: kUnsupported (there is none, or it
/// does not start).
[[nodiscard]] Status become_program(const std::string& name, const std::vector<std::string>& arguments);

/// Becomes the program that `arguments` ask for, beside this one or in PATH, when no verb of `program`
/// answers to them. kDone when the program itself is to run, kFailed, after a line on stderr, when there is
/// no such verb.
[[nodiscard]] int run_external_verb(const Program& program, const std::vector<char*>& arguments);

}  // namespace assay::cli
