// `assay manual`.
#include <fmt/format.h>

#include <filesystem>
#include <string>

#include "base/file.h"
#include "base/try.h"
#include "manual.h"
#include "program.h"

namespace assay::cli {
namespace {

struct ManualOptions {
  const CLI::App* root = nullptr;
  std::string output_dir;
};

Result<int> run_manual(const ManualOptions& options, const Console& console) {
  const std::filesystem::path folder = options.output_dir;
  const std::vector<VerbText> verbs = verbs_of(*options.root);
  ASSAY_TRY(make_directory(folder / "man1"));
  ASSAY_TRY(make_directory(folder / "completions"));
  for (const VerbText& verb : verbs)
    ASSAY_TRY(write_file(folder / "man1" / (page_name(verb) + ".1"), manual_page(verb)));
  ASSAY_TRY(write_file(folder / "completions" / "assay.bash", bash_completion(verbs)));
  ASSAY_TRY(write_file(folder / "completions" / "_assay", zsh_completion(verbs)));
  ASSAY_TRY(write_file(folder / "completions" / "assay.fish", fish_completion(verbs)));
  return console.report({{"output_dir", folder.string()}, {"pages", verbs.size()}},
                        {fmt::format("{} pages, and completions for bash, zsh and fish, in {}", verbs.size(),
                                     folder.string())});
}

}  // namespace

void add_manual(Program& program) {
  const auto [verb, options] =
      program.add("manual", "Write manual pages and completions for shells, as make install does",
                  "assay manual --output-dir manual", run_manual);
  options.root = verb->get_parent();
  add_option(verb, "--output-dir DIR", options.output_dir, "pages go to man1 in it, the rest to completions")
      ->required();
}

}  // namespace assay::cli
