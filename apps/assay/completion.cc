// Completions of shells. Each also offers the programs assay-x in PATH, which are verbs too.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <string_view>

#include "manual.h"

namespace assay::cli {
namespace {

std::string joined(const std::vector<std::string>& words) { return fmt::format("{}", fmt::join(words, " ")); }

std::vector<std::string> flags_of(const VerbText& verb) {
  std::vector<std::string> names;
  for (const FlagText& flag : verb.flags) names.insert(names.end(), flag.names.begin(), flag.names.end());
  return names;
}

std::vector<std::string> verbs_within(const VerbText& verb) {
  std::vector<std::string> names;
  for (const auto& [name, summary] : verb.verbs) names.push_back(name);
  return names;
}

/// Within single quotes of any of the shells; what ends them is left out, as it means nothing to a reader.
std::string quotable(std::string_view text, std::string_view more = "") {
  std::string out;
  for (const char c : text) {
    if (c == '\'' || c == '\\') continue;
    if (more.find(c) != std::string_view::npos) out += '\\';
    out += c;
  }
  return out;
}

bool is_path(const FlagText& flag) {
  return flag.value.find("FILE") != std::string::npos || flag.value.find("DIR") != std::string::npos ||
         flag.value.find("PATH") != std::string::npos || flag.value == "A" || flag.value == "B";
}

}  // namespace

std::string bash_completion(const std::vector<VerbText>& verbs) {
  std::string cases;
  std::string values;
  for (const VerbText& verb : verbs) {
    cases += fmt::format("    '{}') words='{}' ;;\n", joined(verb.words),
                         joined(verb.verbs.empty() ? flags_of(verb) : verbs_within(verb)));
    std::vector<std::string> taking;
    for (const FlagText& flag : verb.flags)
      if (!flag.value.empty()) taking.insert(taking.end(), flag.names.begin(), flag.names.end());
    if (!taking.empty())
      values += fmt::format("    '{}') taking='{}' ;;\n", joined(verb.words), joined(taking));
  }
  return fmt::format(R"(# Completion of `assay` for bash.
_assay() {{
  local word=${{COMP_WORDS[COMP_CWORD]}} before=${{COMP_WORDS[COMP_CWORD-1]}}
  local verb='' words='' taking='' at programs
  COMPREPLY=()
  for ((at = 1; at < COMP_CWORD && at < 3; at++)); do
    case ${{COMP_WORDS[at]}} in -*) break ;; esac
    verb="${{verb:+$verb }}${{COMP_WORDS[at]}}"
  done
  case $verb in
{1}  esac
  # What follows a flag that takes a value is a file.
  case " $taking " in *" $before "*) return ;; esac
  case $verb in
{0}  esac
  if [ -z "$verb" ]; then
    programs=$(compgen -c assay- | sort -u)
    words="$words help ${{programs//assay-/}}"
  fi
  case $word in
    -* | '') ;;
    *) [ -z "$taking" ] || return ;;
  esac
  COMPREPLY=($(compgen -W "$words" -- "$word"))
}}
complete -o default -F _assay assay
)",
                     cases, values);
}

std::string zsh_completion(const std::vector<VerbText>& verbs) {
  std::string cases;
  for (const VerbText& verb : verbs) {
    cases += fmt::format("    '{}')\n", joined(verb.words));
    if (!verb.verbs.empty()) {
      cases += "      verbs=(";
      for (const auto& [name, summary] : verb.verbs)
        cases += fmt::format("\n        '{}:{}'", name, quotable(summary, ":"));
      cases += ")\n      ;;\n";
      continue;
    }
    cases += "      flags=(";
    for (const FlagText& flag : verb.flags) {
      const std::string help = quotable(flag.help, "[]:");
      const std::string value = flag.value.empty() ? ""
                                                   : fmt::format(":{}:{}", quotable(flag.value, ":"),
                                                                 is_path(flag) ? "_files" : " ");
      for (const std::string& name : flag.names)
        cases += fmt::format("\n        '{}[{}]{}'", name, help, value);
    }
    cases += "\n        '*:file:_files')\n      ;;\n";
  }
  return fmt::format(R"(#compdef assay
# Completion of `assay` for zsh.
_assay() {{
  local verb='' at
  local -a verbs flags programs
  for ((at = 2; at < CURRENT && at < 4; at++)); do
    [[ $words[at] == -* ]] && break
    verb="${{verb:+$verb }}$words[at]"
  done
  case $verb in
{0}  esac
  if [[ -z $verb ]]; then
    programs=(${{(k)commands[(I)assay-*]#assay-}})
    verbs+=(${{programs#assay-}})
  fi
  if (( $#verbs )); then
    _describe verb verbs
  elif (( $#flags )); then
    _arguments $flags
  else
    _files
  fi
}}
_assay "$@"
)",
                     cases);
}

std::string fish_completion(const std::vector<VerbText>& verbs) {
  std::string lines;
  for (const VerbText& verb : verbs) {
    const std::string at = fmt::format("complete -c assay -n '__assay_at {}'", joined(verb.words));
    for (const auto& [name, summary] : verb.verbs)
      lines += fmt::format("{} -f -a '{}' -d '{}'\n", at, name, quotable(summary));
    if (!verb.verbs.empty()) continue;
    for (const FlagText& flag : verb.flags) {
      for (const std::string& name : flag.names) {
        const bool is_long = name.starts_with("--");
        lines += fmt::format("{} {} {}{} -d '{}'\n", at, is_long ? "-l" : "-s", name.substr(is_long ? 2 : 1),
                             flag.value.empty() ? ""
                             : is_path(flag)    ? " -r"
                                                : " -x",
                             quotable(flag.help));
      }
    }
  }
  return fmt::format(R"(# Completion of `assay` for fish.
function __assay_at
    set -l words (commandline -opc)
    set -l verb
    for word in $words[2..3]
        string match -q -- '-*' $word; and break
        set verb $verb $word
    end
    test "$verb" = "$argv"
end
complete -c assay -n '__assay_at' -f -a '(complete -C assay- | string replace -rf "^assay-([a-z0-9_-]+).*" "\$1") help'
{0})",
                     lines);
}

}  // namespace assay::cli
