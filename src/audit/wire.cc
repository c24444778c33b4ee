#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <utility>

#include "assay/audit.h"

namespace assay::audit {
namespace {

constexpr std::array<std::pair<Role, std::string_view>, 16> kRoles = {{
    {Role::kResidual, "residual"},
    {Role::kQkvInput, "qkv_input"},
    {Role::kQ, "q"},
    {Role::kK, "k"},
    {Role::kV, "v"},
    {Role::kQkv, "qkv"},
    {Role::kOInput, "o_input"},
    {Role::kO, "o"},
    {Role::kMlpInput, "mlp_input"},
    {Role::kGate, "gate"},
    {Role::kUp, "up"},
    {Role::kGateUp, "gate_up"},
    {Role::kDownInput, "down_input"},
    {Role::kDown, "down"},
    {Role::kFinalNorm, "final_norm"},
    {Role::kLogits, "logits"},
}};

}  // namespace

std::string_view to_string(Role role) { return kRoles[static_cast<std::size_t>(role) - 1].second; }

std::optional<Role> role_of(std::string_view name) {
  const auto* found = std::ranges::find(kRoles, name, &std::pair<Role, std::string_view>::second);
  if (found == kRoles.end()) return std::nullopt;
  return found->first;
}

std::string Wire::to_string() const {
  if (block == kNoBlock) return std::string(audit::to_string(role));
  return fmt::format("block {} {}", block, audit::to_string(role));
}

}  // namespace assay::audit
