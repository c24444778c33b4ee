#include "program.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <cstdlib>
#include <exception>
#include <filesystem>
#include <new>
#include <optional>
#include <string_view>

#include "arguments.h"
#include "assay/thread_limit.h"
#include "base/cpu.h"
#include "external_verb.h"
#include "signals.h"

namespace assay::cli {
namespace {

std::string external_verbs_text(const Program& program) {
  std::vector<std::string> verbs = external_verbs();
  std::erase_if(verbs, [&program](const std::string& verb) { return program.has(verb); });
  std::string text;
  if (!verbs.empty()) text += "Programs beside this one, with their own --help:\n";
  for (const std::string& verb : verbs) text += "  " + printable(verb) + "\n";
  if (!verbs.empty()) text += '\n';
  return text +
         "Any other verb x runs the program assay-x, if there is one beside this one or in PATH.\n"
         "Exit codes: 0 accepted or done, 1 verification rejected, 2 bad input or could not run,\n"
         "3 inconclusive. Example: assay commit --tensor cube.npy --srs six.srs --out cube.commitment";
}

// An empty value comes of a shell variable that is not set. Verbs take an empty text for a flag that was left
// out, and so a check would be dropped without a word.
void refuse_empty_values(CLI::App& app) {
  for (CLI::Option* option : app.get_options()) {
    if (option->get_items_expected_min() == 0) continue;  // a flag
    // A transformation comes before the checks of the option itself.
    option->transform(CLI::Validator(
        [](std::string& value) {
          return std::string(value.empty() ? "an empty value: give one, or leave the flag out" : "");
        },
        ""));
  }
  for (CLI::App* verb : app.get_subcommands([](CLI::App*) { return true; })) refuse_empty_values(*verb);
}

constexpr const char* kWrites = "writes";

// CLI11 hands out an option's checks where it may be changed.
bool is_output(CLI::Option& option) {
  constexpr std::array<std::string_view, 6> kNames = {"out",     "output",     "keep",
                                                      "spectra", "values-out", "head-out"};
  if (std::ranges::any_of(option.get_lnames(), [&](const std::string& name) {
        return std::ranges::find(kNames, name) != kNames.end();
      }))
    return true;
  try {
    return option.get_validator(kWrites) != nullptr;
  } catch (const CLI::OptionNotFound&) {
    return false;
  }
}

/// One file by two names, or by one. Files that are not there yet are compared by their names.
bool is_one_file(const std::string& a, const std::string& b) {
  std::error_code failure;
  if (std::filesystem::equivalent(a, b, failure)) return true;
  const auto resolved = [&](const std::string& path) {
    return std::filesystem::weakly_canonical(std::filesystem::absolute(path, failure), failure);
  };
  const std::filesystem::path left = resolved(a), right = resolved(b);
  return !left.empty() && left == right;
}

/// A file that a verb would write over what it reads, or over what it has just written.
std::optional<Error> shared_output(CLI::App& verb) {
  std::vector<CLI::Option*> named;
  for (CLI::Option* option : verb.get_options())
    if (option->count() > 0 && (option->get_positional() || is_output(*option) ||
                                option->get_type_name().find("FILE") != std::string::npos))
      named.push_back(option);
  for (CLI::Option* output : named) {
    if (!is_output(*output)) continue;
    for (const CLI::Option* other : named) {
      // A set that a probe joins may be replaced by the larger one.
      if (other == output || other->check_lname("append")) continue;
      for (const std::string& path : other->results())
        if (is_one_file(output->results().front(), path))
          return Error{ErrorCode::kMismatch, output->get_name(),
                       fmt::format("is the file of {} too, {}, which would be lost: name another",
                                   other->get_name(), path)};
    }
  }
  return std::nullopt;
}

// The one of `rest` that stands first on the command line.
std::string first_of(const std::vector<std::string>& rest, int argc, const char* const* argv) {
  const auto* const found = std::find_if(argv + 1, argv + argc, [&](const char* argument) {
    return std::ranges::find(rest, argument) != rest.end();
  });
  return found == argv + argc ? rest.front() : *found;
}

const CLI::App* find_subcommand(const CLI::App& parent, const std::string& name) {
  const std::vector<const CLI::App*> found = parent.get_subcommands(
      [&name](const CLI::App* verb) { return verb->check_name(name); });  // or an alias
  return found.empty() ? nullptr : found[0];
}

/// A library names its argument where people gave a flag of the same name.
Error with_its_flag(Error error, const CLI::App& verb) {
  std::string name = error.place;
  std::ranges::replace_if(
      name, [](char c) { return c == ' ' || c == '_'; }, '-');
  for (const CLI::Option* option : verb.get_options())
    if (option->check_lname(name)) error.place = "--" + name;
  return error;
}

}  // namespace

Program::Program() : app_("Check what a language model really computed.", "assay") {
  app_.set_version_flag("--version", "assay " ASSAY_VERSION);
  app_.require_subcommand(1);
  app_.get_formatter()->column_width(34);
  app_.footer([this] { return external_verbs_text(*this); });
}

bool Program::has(const std::string& verb) const { return find_subcommand(app_, verb) != nullptr; }

bool Program::has(const std::string& group, const std::string& verb) const {
  const CLI::App* parent = find_subcommand(app_, group);
  return parent != nullptr && find_subcommand(*parent, verb) != nullptr;
}

bool Program::is_group(const std::string& verb) const {
  const CLI::App* found = find_subcommand(app_, verb);
  return found != nullptr && !found->get_subcommands([](const CLI::App*) { return true; }).empty();
}

void Program::add_group(const std::string& name, const std::string& summary, const std::string& footer) {
  app_.add_subcommand(name, summary)->require_subcommand(1)->footer(footer);
}

CLI::App* Program::add_verb(const std::string& name, const std::string& summary, const std::string& example,
                            Action action) {
  const std::size_t space = name.find(' ');
  CLI::App* parent = space == std::string::npos ? &app_ : app_.get_subcommand(name.substr(0, space));
  CLI::App* verb =
      parent->add_subcommand(space == std::string::npos ? name : name.substr(space + 1), summary);
  verb->footer("Example: " + example);
  verb->add_flag("--json", json_, "the result as one JSON object on stdout");
  verb->add_flag("--quiet", quiet_, "no progress and no remarks on stderr");
  add_option(verb, "--threads", threads_, "threads to work with; 0: one per processor")
      ->check(CLI::Range(0U, kMaxThreads).description(""))
      ->type_name("N")
      ->each([this](const std::string&) { threads_given_ = true; });
  verb->callback([this, name, action = std::move(action)] {
    verb_ = name;
    action_ = action;
  });
  return verb;
}

void Program::refuse(const CLI::App* verb, const std::vector<std::string>& flags, Idle when,
                     const std::string& other) {
  for (const std::string& flag : flags)
    idle_flags_.push_back({verb, verb->get_option(flag), when, verb->get_option(other)});
}

std::optional<Error> Program::idle_flag(const CLI::App& verb) const {
  for (const IdleFlag& one : idle_flags_) {
    if (one.verb != &verb || one.flag->count() == 0) continue;
    const bool given = one.other->count() > 0;
    if (given != (one.when == Idle::kBeside)) continue;
    return Error{ErrorCode::kMismatch, one.flag->get_name(),
                 fmt::format("has no effect {} {}: leave {} out", given ? "beside" : "without",
                             one.other->get_name(), given ? "one of them" : "it")};
  }
  return std::nullopt;
}

CLI::Validator decimal_integer() {
  // No flag of ours takes a negative number. CLI11 takes -1 for the largest that there is.
  const auto refusal = [](const std::string& text) -> std::string {
    const std::string_view digits = std::string_view(text).substr(text.starts_with('-') ? 1 : 0);
    const bool decimal = !digits.empty() && digits[0] != '0' &&
                         digits.find_first_not_of("0123456789") == std::string_view::npos;
    if (text == "0") return {};
    if (!decimal) return "'" + text + "' is not an integer in decimal";
    std::uint64_t value = 0;
    const std::errc failure = std::from_chars(digits.data(), digits.data() + digits.size(), value).ec;
    if (failure == std::errc{} && digits.size() == text.size()) return {};
    return text + " is not between 0 and 2^64 - 1";
  };
  return CLI::Validator(refusal, "");
}

CLI::Validator finite_number() {
  const auto refusal = [](const std::string& text) -> std::string {
    return std::isfinite(std::strtod(text.c_str(), nullptr)) ? "" : "'" + text + "' is not a finite number";
  };
  return CLI::Validator(refusal, "");
}

CLI::Validator not_zero() {
  return CLI::Validator(
      [](const std::string& text) { return std::string(text == "0" ? "0 asks for nothing" : ""); }, "");
}

void add_slice_flags(CLI::App* verb, SliceFlags& flags) {
  add_option(verb, "--layer NAME|INDEX", flags.layer, "a slice: the values of one layer");
  add_option(verb, "--token N|N..N", flags.token,
             "a slice: the values of one token, or of a range, both ends counted");
  add_option(verb, "--dim N", flags.dim,
             "a slice: the values at one place of the hidden width; the three flags combine");
}

CLI::Option* writes_file(CLI::Option* option) {
  return option->check(CLI::Validator([](std::string&) { return std::string(); }, "", kWrites));
}

CLI::Option* add_weights(CLI::App* verb, std::string& path) {
  return add_option(verb, "--weights DIR", path, "a model's folder: config.json and safetensors files");
}

int Program::run(int argc, const char* const* argv) {
  refuse_empty_values(app_);
  try {
    app_.parse(argc, argv);
  } catch (const CLI::Success& success) {
    return app_.exit(success) == 0 && write_stdout("").ok() ? kDone : kFailed;
  } catch (const CLI::ParseError& error) {
    const std::vector<CLI::App*> chosen = app_.get_subcommands();
    std::string verb = chosen.empty() ? "" : " " + chosen[0]->get_name();
    if (!chosen.empty() && !chosen[0]->get_subcommands().empty())
      verb += " " + chosen[0]->get_subcommands()[0]->get_name();
    // What CLI11 says of the arguments that nothing takes names all of them, the last one first.
    const std::vector<std::string> rest = app_.remaining(true);
    const bool group = !chosen.empty() && is_group(chosen[0]->get_name());
    std::string said = error.what();
    if (error.get_exit_code() == static_cast<int>(CLI::ExitCodes::ExtrasError) && !rest.empty())
      said = fmt::format("{}: nothing takes this argument", first_of(rest, argc, argv));
    else if (group && chosen[0]->get_subcommands().empty() && !rest.empty())
      said = fmt::format("it has no verb {}", first_of(rest, argc, argv));
    // In words of the library's: "--seed: At Most 1 required but received 2".
    if (const size_t words = said.find(": At Most 1 required but received "); words != std::string::npos)
      said = said.substr(0, words) + ": given twice; give it once";
    say_error(fmt::format("assay{}: {} (see assay{} --help)", verb, said, verb));
    return kFailed;
  }
  try {
    CLI::App* chosen = &app_;
    while (!chosen->get_subcommands().empty()) chosen = chosen->get_subcommands().front();
    std::optional<Error> refused = idle_flag(*chosen);
    if (!refused) refused = shared_output(*chosen);
    if (refused) {
      say_error(fmt::format("assay {}: {}", verb_, refused->to_string()));
      return kFailed;
    }
    return run_chosen(*chosen);
  } catch (const std::bad_alloc&) {
    say_error(fmt::format("assay {}: not enough memory", verb_));
  } catch (const std::exception& error) {
    say_error(fmt::format("assay {}: {}", verb_, error.what()));
  }
  return kFailed;
}

int Program::run_chosen(const CLI::App& chosen) {
  name_interrupted_verb(verb_);
  if (threads_given_) set_thread_limit(threads_);
  // The library would go on with its fastest code; who names a kernel wants that or nothing.
  const Result<std::optional<KernelId>> kernel = kernel_of_environment();
  if (!kernel.ok()) {
    say_error(fmt::format("assay {}: {}", verb_, kernel.error().to_string()));
    return kFailed;
  }
  Result<int> code = kFailed;
  {
    const ProgressBar bar(quiet_);
    code = action_(Console(verb_, json_, quiet_));
  }
  if (code.ok()) return *code;
  say_error(fmt::format("assay {}: {}", verb_, with_its_flag(code.error(), chosen).to_string()));
  return kFailed;
}

}  // namespace assay::cli
