// The two readings of "proofs.json": what stands beside the list of proofs, and the list.
#pragma once

#include <array>
#include <string>
#include <vector>

#include "assay/pipeline.h"
#include "base/json.h"

namespace assay::pipeline::internal {

/// Reads everything but the proofs, which it skips.
class ProofsJsonHead final : public JsonVisitor {
 public:
  Status begin_object() override;
  Status end_object() override;
  Status begin_array() override;
  Status end_array() override;
  Status key(std::string_view name) override;
  Status string(std::string_view text) override;
  Status integer(std::string_view decimal) override;
  Status real(double value) override;
  Status boolean(bool value) override;
  Status null() override;

  /// Errors: kMalformed (a field that is missing).
  Result<ProofsJson> take(std::string_view place);

 private:
  [[nodiscard]] bool skips() const { return depth_ > 1; }

  std::size_t depth_ = 0;
  std::string field_;
  std::array<bool, 4> seen_{};
  ProofsJson out_;
};

/// Reads the proofs, and skips what stands beside them.
class ProofsJsonList final : public JsonVisitor {
 public:
  ProofsJsonList(std::uint32_t num_variables, std::uint32_t degree_bound)
      : num_variables_(num_variables), degree_bound_(degree_bound), proofs_({}, num_variables) {}

  Status begin_object() override;
  Status end_object() override;
  Status begin_array() override;
  Status end_array() override;
  Status key(std::string_view name) override;
  Status string(std::string_view text) override;
  Status integer(std::string_view decimal) override;

  claim::Proofs take() { return std::move(proofs_); }

 private:
  enum class Level { kOutside, kRoot, kList, kProof, kPoint, kQuotients };
  [[nodiscard]] Error error(ErrorCode code, std::string reason) const;
  Status end_proof();

  std::uint32_t num_variables_;
  std::uint32_t degree_bound_;
  claim::Proofs proofs_;
  Level level_ = Level::kOutside;
  std::string field_;  // of the root or of a proof
  std::vector<Fr> point_;
  Bytes evidence_;
  Fr value_;
  std::array<bool, 3> seen_{};
};

}  // namespace assay::pipeline::internal
