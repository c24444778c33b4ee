#include "show.h"

#include <fmt/format.h>

#include <string>
#include <vector>

#include "base/try.h"
#include "external_verb.h"

namespace assay::cli {

Result<int> show(const std::filesystem::path& path, std::span<const FileKind> kinds, const Console& console) {
  const FileKind* kind = ASSAY_TRY(find_kind(path, kinds));
  if (kind->read == nullptr) {
    std::vector<std::string> arguments = {path.string()};
    if (console.json()) arguments.emplace_back("--json");
    ASSAY_TRY(become_program("assay-show", arguments));
  }
  const Json fields = ASSAY_TRY(kind->read(path));
  Json json = {{"file", path.string()}, {"kind", kind->name}};
  std::vector<std::string> lines = {fmt::format("{}: {}", path.string(), kind->name)};
  for (const auto& [name, value] : fields.items()) {
    json[name] = value;
    lines.push_back(fmt::format("  {} {}", name, words_of(value)));
  }
  return console.report(json, lines);
}

}  // namespace assay::cli
