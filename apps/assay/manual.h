// Manual pages and completions of shells, from the verbs and flags that there are.
#pragma once

#include <filesystem>
#include <string>
#include <utility>
#include <vector>

#include "assay/base.h"

namespace CLI {  // NOLINT(readability-identifier-naming): the library's own name
class App;
}  // namespace CLI

namespace assay::cli {

class Program;
void add_manual(Program& program);

/// A flag, an option or an argument, in words.
struct FlagText {
  std::vector<std::string> names;  ///< "--out", "-h"; none of an argument
  std::string value;               ///< "FILE"; empty of a flag without value
  std::string help;
  bool required = false;
};

/// A verb as `assay VERB --help` shows it.
struct VerbText {
  std::vector<std::string> words;  ///< "srs", "verify"
  std::string summary;
  std::string footer;
  std::vector<FlagText> flags;
  std::vector<std::pair<std::string, std::string>> verbs;  ///< of a group: names and summaries
};

/// All verbs below the program's root, which comes first.
[[nodiscard]] std::vector<VerbText> verbs_of(const CLI::App& root);

/// A page of roff for section 1 of the manual, "assay-srs-verify" for the verb "srs verify".
[[nodiscard]] std::string manual_page(const VerbText& verb);
[[nodiscard]] std::string page_name(const VerbText& verb);

[[nodiscard]] std::string bash_completion(const std::vector<VerbText>& verbs);
[[nodiscard]] std::string zsh_completion(const std::vector<VerbText>& verbs);
[[nodiscard]] std::string fish_completion(const std::vector<VerbText>& verbs);

}  // namespace assay::cli
