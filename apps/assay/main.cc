#include <cstdio>
#include <exception>
#include <string>
#include <vector>

#include "external_verb.h"
#include "program.h"
#include "signals.h"

namespace assay::cli {
namespace {

int run(int argc, char** argv) {
  try {
    Program program;
    for (const auto add : {add_convert, add_reshape, add_interpolate, add_srs, add_trust, add_commit,
                           add_challenge, add_prove, add_verify, add_locate, add_compare, add_toploc,
                           add_manifest, add_layers, add_audit, add_keygen, add_bench, add_about}) {
      add(program);
    }
    std::vector<char*> arguments(argv, argv + argc);
    // `assay help x` is `assay x --help`.
    std::string help = "--help";
    if (argc >= 2 && std::string(argv[1]) == "help") {
      arguments.erase(arguments.begin() + 1);
      arguments.push_back(help.data());
    }
    // Comes back only when the verb is one of the program's own.
    const int failed = run_external_verb(program, arguments);
    if (failed != kDone) return failed;
    install_signal_handlers();
    return program.run(static_cast<int>(arguments.size()), arguments.data());
  } catch (const std::exception& error) {
    write_stderr_line(std::string("assay: ") + error.what());
    return kFailed;
  }
}

}  // namespace
}  // namespace assay::cli

int main(int argc, char** argv) { return assay::cli::run(argc, argv); }
