// The command line: its verbs, the flags that all of them have, and which one was asked for.
#pragma once

#include <CLI/CLI.hpp>

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include "assay/base.h"
#include "console.h"

namespace assay::cli {

class Program {
 public:
  Program();

  /// Adds a verb with the common flags; `verb` gives the exit code. The options, set by its own flags, live
  /// as long as the program.
  template <class Options>
  std::pair<CLI::App*, Options&> add(const std::string& name, const std::string& summary,
                                     const std::string& example,
                                     Result<int> (*verb)(const Options&, const Console&)) {
    const auto options = std::make_shared<Options>();
    const auto action = [options, verb](const Console& console) { return verb(*options, console); };
    return {add_verb(name, summary, example, action), *options};
  }

  /// A verb whose own verbs follow, such as `srs`: names are then given as "srs dev".
  void add_group(const std::string& name, const std::string& summary, const std::string& footer = "");

  /// Flags that have no effect beside another one, or without it, are refused: whoever gives them means
  /// something else than what would happen. They are named after the verb's other flags are added.
  enum class Idle : std::uint8_t { kBeside, kWithout };
  void refuse(const CLI::App* verb, const std::vector<std::string>& flags, Idle when,
              const std::string& other);

  [[nodiscard]] bool has(const std::string& verb) const;
  [[nodiscard]] bool has(const std::string& group, const std::string& verb) const;
  /// Whether the verb has verbs of its own.
  [[nodiscard]] bool is_group(const std::string& verb) const;

  /// Parses and runs. Everything that goes wrong becomes one line on stderr and an exit code.
  int run(int argc, const char* const* argv);

 private:
  using Action = std::function<Result<int>(const Console&)>;
  struct IdleFlag {
    const CLI::App* verb;
    const CLI::Option* flag;
    Idle when;
    const CLI::Option* other;
  };
  CLI::App* add_verb(const std::string& name, const std::string& summary, const std::string& example,
                     Action action);
  [[nodiscard]] std::optional<Error> idle_flag(const CLI::App& verb) const;
  int run_chosen(const CLI::App& chosen);

  CLI::App app_;
  std::string verb_;
  Action action_;
  bool json_ = false;
  bool quiet_ = false;
  unsigned threads_ = 0;
  bool threads_given_ = false;
  std::vector<IdleFlag> idle_flags_;
};

template <class T>
inline constexpr bool kIsInteger = std::is_integral_v<T> && !std::is_same_v<T, bool>;
template <class T>
inline constexpr bool kIsInteger<std::optional<T>> = kIsInteger<T>;
template <class T>
inline constexpr bool kIsInteger<std::vector<T>> = kIsInteger<T>;

/// Refuses integers that are not written in decimal. CLI11 takes 010 for 8, and 0x10 for 16.
CLI::Validator decimal_integer();

/// Refuses infinities and what is no number, which no range of CLI11 keeps out: NaN is not below its least.
CLI::Validator finite_number();

/// Refuses 0 where it would ask for nothing.
CLI::Validator not_zero();

/// Adds a flag with a value, as help shows the two: "--out FILE". Without FILE it shows CLI11's name for T.
template <class T>
CLI::Option* add_option(CLI::App* verb, const std::string& usage, T& value, const std::string& help) {
  const std::size_t space = usage.find(' ');
  CLI::Option* option = verb->add_option(usage.substr(0, space), value, help);
  if constexpr (kIsInteger<T>) option->check(decimal_integer());
  if constexpr (std::is_same_v<T, double> || std::is_same_v<T, std::optional<double>>)
    option->check(finite_number());
  return space == std::string::npos ? option : option->type_name(usage.substr(space + 1));
}

/// Marks a flag whose file the verb writes, where the flag's name does not say so as --out does.
CLI::Option* writes_file(CLI::Option* option);

/// --weights DIR, as all verbs have it that read a model's folder.
CLI::Option* add_weights(CLI::App* verb, std::string& path);

/// --layer, --token and --dim, as they name a slice of a commitment.
void add_slice_flags(CLI::App* verb, struct SliceFlags& flags);

/// What runs at `assay VERB`: one function for each file verb_*.cc.
void add_convert(Program& program);
void add_reshape(Program& program);
void add_interpolate(Program& program);
void add_srs(Program& program);
void add_srs_import(Program& program);
void add_srs_ceremony(Program& program);
void add_trust(Program& program);
void add_commit(Program& program);
void add_commit_prove_verify(Program& program);
void add_challenge(Program& program);
void add_prove(Program& program);
void add_verify(Program& program);
void add_log(Program& program);
void add_tree(Program& program);
void add_locate(Program& program);
void add_compare(Program& program);
void add_toploc(Program& program);
void add_manifest(Program& program);
void add_layers(Program& program);
void add_layers_score(Program& program);
void add_layers_select(Program& program);
void add_audit(Program& program);
void add_audit_enroll(Program& program);
void add_audit_challenge(Program& program);
void add_audit_open(Program& program);
void add_audit_check(Program& program);
void add_audit_listen(Program& program);
void add_probe(Program& program);
void add_probe_keygen(Program& program);
void add_probe_train(Program& program);
void add_probe_evaluate(Program& program);
void add_probe_attest(Program& program);
void add_probe_verify(Program& program);
void add_probe_inspect(Program& program);
void add_probe_checkpoint(Program& program);
void add_probe_drift(Program& program);
void add_keygen(Program& program);
void add_bench(Program& program);
void add_bench_ceremony(Program& program);
void add_bench_layers(Program& program);
void add_bench_schemes(Program& program);
void add_bench_openings(Program& program);
void add_bench_probe(Program& program);
void add_about(Program& program);

}  // namespace assay::cli
