#include "external_verb.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <string_view>

#include "assay/error_line.h"
#include "program.h"

namespace assay::cli {
namespace {

namespace fs = std::filesystem;
constexpr std::string_view kPrefix = "assay-";

bool is_verb_name(std::string_view text) {
  return !text.empty() && text[0] != '-' && std::all_of(text.begin(), text.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '_';
  });
}

bool is_program(const fs::path& path) {
  std::error_code failure;
  return fs::is_regular_file(path, failure) && ::access(path.c_str(), X_OK) == 0;
}

fs::path own_directory() {
  std::error_code failure;
  return fs::read_symlink("/proc/self/exe", failure).parent_path();
}

// Beside this program first, so that one installation's verbs stay together; then PATH, where an empty entry
// means nothing: what lies in the current directory is not run.
std::string find_program(const std::string& name) {
  const fs::path own = own_directory();
  if (!own.empty() && is_program(own / name)) return (own / name).string();
  const char* variable = std::getenv("PATH");
  std::string_view rest = variable == nullptr ? "" : variable;
  while (!rest.empty()) {
    const std::string_view directory = rest.substr(0, rest.find(':'));
    rest.remove_prefix(std::min(rest.size(), directory.size() + 1));
    if (directory.empty()) continue;
    const fs::path candidate = fs::path(directory) / name;
    if (is_program(candidate)) return candidate.string();
  }
  return {};
}

// A verb of ours is another program's when a flag asks for what only that one can do.
struct HandedOver {
  std::string_view verb;
  std::string_view second;  // empty of a verb that has no verbs of its own
  std::string_view flag;
};
constexpr std::array<HandedOver, 6> kHandedOver{{{"toploc", "verify", "--model"},
                                                 {"toploc", "verify", "--tokens"},
                                                 {"layers", "score", "--model"},
                                                 {"audit", "enroll", "--model"},
                                                 {"probe", "verify", "--model"},
                                                 {"compare", "", "--plot"}}};

bool is_handed_over(const std::string& verb, const std::string& second, const std::vector<char*>& arguments) {
  return std::ranges::any_of(kHandedOver, [&](const HandedOver& one) {
    const std::ptrdiff_t words = one.second.empty() ? 2 : 3;
    return verb == one.verb && (one.second.empty() || second == one.second) &&
           std::any_of(arguments.begin() + words, arguments.end(), [&](std::string_view argument) {
             return argument.substr(0, argument.find('=')) == one.flag;
           });
  });
}

// Comes back only when the program could not be started.
int become(const std::string& path, const std::vector<char*>& arguments, std::size_t verb_words) {
  std::string name = path;
  std::vector<char*> passed = {name.data()};
  passed.insert(passed.end(), arguments.begin() + 1 + static_cast<std::ptrdiff_t>(verb_words),
                arguments.end());
  passed.push_back(nullptr);
  ::execv(path.c_str(), passed.data());
  say_error(fmt::format("assay: {}: cannot run it: {}", path, std::strerror(errno)));
  return kFailed;
}

}  // namespace

void say_error(std::string_view text) { write_stderr_line(error_line(text)); }

std::vector<std::string> external_verbs() {
  std::vector<std::string> verbs;
  std::error_code failure;
  for (fs::directory_iterator it(own_directory(), failure), end; !failure && it != end;
       it.increment(failure)) {
    const std::string name = it->path().filename().string();
    if (name.starts_with(kPrefix) && is_verb_name(name.substr(kPrefix.size())) && is_program(it->path())) {
      verbs.push_back(name.substr(kPrefix.size()));
    }
  }
  std::sort(verbs.begin(), verbs.end());
  return verbs;
}

Status become_program(const std::string& name, const std::vector<std::string>& arguments) {
  const std::string path = find_program(name);
  if (path.empty())
    return Error{ErrorCode::kUnsupported, name,
                 "this program of the Python package is neither beside this one nor in PATH"};
  std::vector<std::string> words = {path};
  words.insert(words.end(), arguments.begin(), arguments.end());
  std::vector<char*> passed;
  for (std::string& word : words) passed.push_back(word.data());
  passed.push_back(nullptr);
  ::execv(path.c_str(), passed.data());
  return Error{ErrorCode::kUnsupported, path, fmt::format("cannot run it: {}", std::strerror(errno))};
}

int run_external_verb(const Program& program, const std::vector<char*>& arguments) {
  const std::string first = arguments.size() > 1 ? arguments[1] : "";
  const std::string second = arguments.size() > 2 ? arguments[2] : "";
  if (first.empty() || first[0] == '-') return kDone;
  const bool known = program.has(first);
  const bool handed_over = is_handed_over(first, second, arguments);
  // What follows a verb that has no verbs of its own is no verb.
  const bool both = is_verb_name(first) && (known ? program.is_group(first) : true) && is_verb_name(second) &&
                    (!program.has(first, second) || handed_over);
  if (both) {
    const std::string path = find_program(std::string(kPrefix) + first + "-" + second);
    if (!path.empty()) return become(path, arguments, 2);
  }
  if (known ? both || handed_over : is_verb_name(first)) {
    const std::string path = find_program(std::string(kPrefix) + first);
    if (!path.empty()) return become(path, arguments, 1);
  }
  if (handed_over) {
    say_error(fmt::format(
        "assay {}: these flags are for the program assay-{}, which is neither beside this one nor in PATH",
        program.is_group(first) ? first + " " + second : first, first));
    return kFailed;
  }
  if (known) return kDone;
  say_error(fmt::format(
      "assay: no verb '{}', and no program assay-{} beside this one or in PATH (see assay --help)", first,
      first));
  return kFailed;
}

}  // namespace assay::cli
