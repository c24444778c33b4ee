// The command line: its verbs, the flags that all of them have, and which one was asked for.
#pragma once

#include <CLI/CLI.hpp>

#include <functional>
#include <memory>
#include <string>

#include "assay/base.h"
#include "console.h"

namespace assay::cli {

class Program {
 public:
  Program();

  /// Adds a verb with the common flags. `options` lives as long as the program; `run` gives the exit code.
  template <class Options>
  CLI::App* add(const std::string& name, const std::string& summary, const std::string& example,
                const std::shared_ptr<Options>& options,
                Result<int> (*verb)(const Options&, const Console&)) {
    return add(name, summary, example,
               [options, verb](const Console& console) { return verb(*options, console); });
  }

  /// A verb whose own verbs follow, such as `srs`: names are then given as "srs dev".
  void add_group(const std::string& name, const std::string& summary, const std::string& footer = "");

  [[nodiscard]] bool has(const std::string& verb) const;
  [[nodiscard]] bool has(const std::string& group, const std::string& verb) const;

  /// Parses and runs. Everything that goes wrong becomes one line on stderr and an exit code.
  int run(int argc, const char* const* argv);

 private:
  using Action = std::function<Result<int>(const Console&)>;
  CLI::App* add(const std::string& name, const std::string& summary, const std::string& example,
                Action action);
  int run_chosen();

  CLI::App app_;
  std::string verb_;
  Action action_;
  bool json_ = false;
  bool quiet_ = false;
  unsigned threads_ = 0;
  bool threads_given_ = false;
};

/// What runs at `assay VERB`: one function for each file verb_*.cc.
void add_convert(Program& program);
void add_reshape(Program& program);
void add_interpolate(Program& program);
void add_srs(Program& program);
void add_commit(Program& program);
void add_challenge(Program& program);
void add_prove(Program& program);
void add_verify(Program& program);
void add_locate(Program& program);
void add_toploc(Program& program);
void add_bench(Program& program);
void add_about(Program& program);

}  // namespace assay::cli
