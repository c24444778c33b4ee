// `assay show`.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <string>
#include <vector>

#include "audit/kinds.h"
#include "base/kinds.h"
#include "base/try.h"
#include "claim/kinds.h"
#include "kzg/kinds.h"
#include "layers/kinds.h"
#include "merkle/kinds.h"
#include "pipeline/kinds.h"
#include "probe/kinds.h"
#include "program.h"
#include "pst/kinds.h"
#include "setup/kinds.h"
#include "show.h"
#include "tensor/kinds.h"
#include "toploc/kinds.h"
#include "tree/kinds.h"
#include "weights/kinds.h"

namespace assay::cli {
namespace {

struct ShowOptions {
  std::string file;
  bool kinds = false;
};

// What the Python package writes and reads.
constexpr std::array kOfPython = {
    FileKind{FileKind::Mark::kFormat, "assay/layers/damage/v", "measured damage of layers", nullptr},
    FileKind{FileKind::Mark::kFormat, "assay/vllm/proofs/v", "answers of vLLM with proofs", nullptr},
    FileKind{FileKind::Mark::kBytes, "GGUF", "GGUF model", nullptr},
};

std::vector<FileKind> all_kinds() {
  std::vector<FileKind> kinds(kOfPython.begin(), kOfPython.end());
  for (const std::span<const FileKind> room :
       {base_file_kinds(), setup::file_kinds(), pst::file_kinds(), kzg::file_kinds(), claim::file_kinds(),
        merkle::file_kinds(), tree::file_kinds(), tensor::file_kinds(), weights::file_kinds(),
        pipeline::file_kinds(), toploc::file_kinds(), layers::file_kinds(), audit::file_kinds(),
        probe::file_kinds()})
    kinds.insert(kinds.end(), room.begin(), room.end());
  return kinds;
}

Result<int> list_kinds(const Console& console) {
  std::vector<FileKind> kinds = all_kinds();
  std::ranges::sort(kinds, {}, [](const FileKind& kind) { return std::pair(kind.name, kind.tag); });
  Json json = {{"kinds", Json::array()}};
  std::vector<std::string> lines;
  for (const FileKind& kind : kinds) {
    // Bytes that begin a file need not be text.
    const std::string tag = printable(kind.tag);
    json["kinds"].push_back({{"kind", kind.name},
                             {"mark", to_string(kind.mark)},
                             {"tag", tag},
                             {"read_by", kind.read == nullptr ? "assay-show" : "assay"}});
    lines.push_back(fmt::format("{}  ({} {})", kind.name, to_string(kind.mark), tag));
  }
  return console.report(json, lines);
}

Result<int> run_show(const ShowOptions& options, const Console& console) {
  if (options.kinds) return list_kinds(console);
  if (options.file.empty()) return Error{ErrorCode::kMalformed, "FILE", "name a file, or ask for --kinds"};
  return show(options.file, all_kinds(), console);
}

}  // namespace

void add_show(Program& program) {
  const auto [verb, options] =
      program.add("show", "Say what a file is, and what is in it; nothing is verified",
                  "assay show cube.commitment", run_show);
  add_option(verb, "FILE", options.file, "a file or a folder, of any kind that assay writes or reads");
  verb->add_flag("--kinds", options.kinds, "list the kinds of files that are known");
  program.refuse(verb, {"FILE"}, Program::Idle::kBeside, "--kinds");
}

}  // namespace assay::cli
