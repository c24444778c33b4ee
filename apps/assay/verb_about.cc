// `assay version` and `assay kernels`.
#include <fmt/format.h>

#include "assay/field.h"
#include "program.h"

namespace assay::cli {
namespace {

struct NoOptions {};

Result<int> run_version(const NoOptions&, const Console& console) {
  const Json json = {{"version", ASSAY_VERSION}, {"kernel", active_kernel()}};
  return console.report(json, {"assay " ASSAY_VERSION});
}

Result<int> run_kernels(const NoOptions&, const Console& console) {
  Json json = {{"available", available_kernels()}, {"active", active_kernel()}};
  std::vector<std::string> lines;
  for (const std::string_view name : available_kernels())
    lines.push_back(fmt::format("{}{}", name, name == active_kernel() ? "  (in use)" : ""));
  return console.report(json, lines);
}

}  // namespace

void add_about(Program& program) {
  program.add("version", "Print the version", "assay version --json", run_version);
  program.add("kernels", "List the field kernels that run here; ASSAY_KERNEL chooses one", "assay kernels",
              run_kernels);
}

}  // namespace assay::cli
