#include "manual.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <CLI/CLI.hpp>

#include <algorithm>
#include <string_view>

namespace assay::cli {
namespace {

FlagText text_of(const CLI::Option& option) {
  FlagText text;
  for (const std::string& name : option.get_snames()) text.names.push_back("-" + name);
  for (const std::string& name : option.get_lnames()) text.names.push_back("--" + name);
  if (option.get_items_expected_max() > 0) text.value = option.get_type_name();
  text.help = option.get_description();
  if (!option.get_default_str().empty()) text.help += fmt::format(" (default: {})", option.get_default_str());
  text.required = option.get_required();
  return text;
}

VerbText text_of(const CLI::App& verb, std::vector<std::string> words) {
  VerbText text{std::move(words), verb.get_description(), verb.get_footer(), {}, {}};
  for (const CLI::Option* option : verb.get_options()) text.flags.push_back(text_of(*option));
  for (const CLI::App* one : verb.get_subcommands([](const CLI::App*) { return true; }))
    text.verbs.emplace_back(one->get_name(), one->get_description());
  return text;
}

void collect(const CLI::App& verb, const std::vector<std::string>& words, std::vector<VerbText>& all) {
  all.push_back(text_of(verb, words));
  for (const CLI::App* one : verb.get_subcommands([](const CLI::App*) { return true; })) {
    std::vector<std::string> longer = words;
    longer.push_back(one->get_name());
    collect(*one, longer, all);
  }
}

/// Text within a line of roff.
std::string escaped(std::string_view text) {
  std::string out;
  for (const char c : text) {
    if (c == '\\') {
      out += "\\e";
    } else if (c == '-') {
      out += "\\-";
    } else {
      out += c;
    }
  }
  // A line that begins with a dot or a quote is a request.
  return out.starts_with('.') || out.starts_with('\'') ? "\\&" + out : out;
}

std::string command_of(const VerbText& verb) {
  return verb.words.empty() ? "assay" : fmt::format("assay {}", fmt::join(verb.words, " "));
}

std::string section(std::string_view title) { return fmt::format(".SH {}\n", title); }

std::string flag_paragraph(const FlagText& flag) {
  std::string head;
  for (const std::string& name : flag.names)
    head += fmt::format("{}\\fB{}\\fR", head.empty() ? "" : ", ", escaped(name));
  if (!flag.value.empty()) head += fmt::format("{}\\fI{}\\fR", head.empty() ? "" : " ", escaped(flag.value));
  return fmt::format(".TP\n{}\n{}{}\n", head, escaped(flag.help), flag.required ? " (required)" : "");
}

std::string lines_of_text(std::string_view text) {
  std::string out = ".nf\n";
  while (!text.empty()) {
    const std::string_view line = text.substr(0, text.find('\n'));
    text.remove_prefix(std::min(text.size(), line.size() + 1));
    out += escaped(line) + "\n";
  }
  return out + ".fi\n";
}

}  // namespace

std::vector<VerbText> verbs_of(const CLI::App& root) {
  std::vector<VerbText> all;
  collect(root, {}, all);
  return all;
}

std::string page_name(const VerbText& verb) {
  return verb.words.empty() ? "assay" : fmt::format("assay-{}", fmt::join(verb.words, "-"));
}

std::string manual_page(const VerbText& verb) {
  std::string page =
      fmt::format(".TH \"{}\" 1 \"\" \"assay {}\" \"assay\"\n", escaped(page_name(verb)), ASSAY_VERSION);
  page += section("NAME") + fmt::format("{} \\- {}\n", escaped(page_name(verb)), escaped(verb.summary));
  page += section("SYNOPSIS") + fmt::format("\\fB{}\\fR", escaped(command_of(verb)));
  for (const FlagText& flag : verb.flags) {
    if (!flag.required) continue;
    if (!flag.names.empty()) page += fmt::format(" \\fB{}\\fR", escaped(flag.names.back()));
    page += fmt::format(" \\fI{}\\fR", escaped(flag.value));
  }
  page += verb.verbs.empty() ? " [\\fIoptions\\fR]\n" : " \\fIverb\\fR [\\fIoptions\\fR]\n";
  if (!verb.verbs.empty()) {
    page += section("VERBS");
    for (const auto& [name, summary] : verb.verbs)
      page += fmt::format(".TP\n\\fB{}\\fR\n{}\n", escaped(name), escaped(summary));
  }
  page += section("OPTIONS");
  for (const FlagText& flag : verb.flags) page += flag_paragraph(flag);
  if (!verb.footer.empty())
    page += section(verb.words.empty() ? "NOTES" : "EXAMPLE") + lines_of_text(verb.footer);
  page += section("EXIT STATUS") +
          "0 accepted or done; 1 a verification said no; 2 bad input or could not run; 3 inconclusive.\n";
  page +=
      section("ENVIRONMENT") +
      "\\fBASSAY_TRUST_FILE\\fR, \\fBASSAY_KERNEL\\fR, \\fBASSAY_THREADS\\fR: see the page of the command "
      "line in the documentation.\n";
  page += section("SEE ALSO");
  if (verb.words.size() < 2) {
    for (const auto& [name, summary] : verb.verbs)
      page += fmt::format("\\fB{}\\-{}\\fR(1)\n", escaped(page_name(verb)), escaped(name));
  }
  if (!verb.words.empty()) page += "\\fBassay\\fR(1)\n";
  return page;
}

}  // namespace assay::cli
