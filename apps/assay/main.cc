#include <algorithm>
#include <cstdio>
#include <exception>
#include <string>
#include <string_view>
#include <vector>

#include "external_verb.h"
#include "manual.h"
#include "program.h"
#include "show.h"
#include "signals.h"

namespace assay::cli {
namespace {

int run(int argc, char** argv) {
  try {
    Program program;
    for (const auto add : {add_convert,
                           add_reshape,
                           add_interpolate,
                           add_srs,
                           add_trust,
                           add_commit,
                           add_commit_prove_verify,
                           add_challenge,
                           add_prove,
                           add_verify,
                           add_log,
                           add_tree,
                           add_locate,
                           add_compare,
                           add_toploc,
                           add_manifest,
                           add_layers,
                           add_audit,
                           add_probe,
                           add_keygen,
                           add_bench,
                           add_show,
                           add_manual,
                           add_about}) {
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
    // Whoever asks for help gets it, also where a flag before it lacks its value.
    const auto asks = std::find_if(arguments.begin(), arguments.end(), [&help](const char* argument) {
      return argument == help || std::string_view(argument) == "-h";
    });
    if (asks != arguments.end()) {
      const auto flags = std::find_if(arguments.begin() + 1, arguments.end(),
                                      [](const char* argument) { return argument[0] == '-'; });
      arguments.erase(flags, arguments.end());
      arguments.push_back(help.data());
    }
    install_signal_handlers();
    return program.run(static_cast<int>(arguments.size()), arguments.data());
  } catch (const std::exception& error) {
    say_error(std::string("assay: ") + error.what());
    return kFailed;
  }
}

}  // namespace
}  // namespace assay::cli

int main(int argc, char** argv) { return assay::cli::run(argc, argv); }
