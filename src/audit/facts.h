// What a verifier knows of a model beside the weights of its products: small enough to lie in a key.
#pragma once

#include <array>
#include <map>
#include <span>
#include <string>
#include <vector>

#include "assay/audit_log.h"
#include "audit/model_spec.h"

namespace assay::audit::internal {

/// Which norm: 0 before attention, 1 before the MLP, 2 of the heads of q, 3 of those of k; the final one has
/// Wire::kNoBlock and 0.
using NormPlace = std::pair<std::uint32_t, std::uint32_t>;

struct Norm {
  std::vector<double> weight;
  std::vector<double> bias;  ///< empty where there is none
  friend bool operator==(const Norm&, const Norm&) = default;
};

/// The first bytes of SHA-256 of a row of the embedding, as the residual stream starts with it.
using RowMark = std::array<std::uint8_t, 16>;
[[nodiscard]] RowMark mark_of(ByteSpan row);

struct Facts {
  Digest manifest{};                 ///< root of the weights
  RowDtype dtype = RowDtype::kBF16;  ///< that the model computes in
  OpTable table;
  ModelSpec spec;
  std::map<NormPlace, Norm> norms;
  /// For each token; empty where the stream does not start with the embedding alone.
  std::vector<RowMark> embedding;

  /// `manifest` is the root of the folder's weights. Errors: those of OpTable::of and ModelSpec::of;
  /// kMismatch (a norm that is missing, or of another size than the model's).
  [[nodiscard]] static Result<Facts> of(const weights::Folder& folder, RowDtype dtype,
                                        const Digest& manifest);

  /// Whether the chain of this model finds all layers and norms, of the sizes that fit. Errors: kMismatch.
  [[nodiscard]] Status check_complete() const;
  [[nodiscard]] bool has_chain() const { return spec.family != Family::kOther; }
  [[nodiscard]] bool has_attention() const { return has_chain() && spec.attention_left_out.empty(); }
  /// The norm of a place, or nullptr.
  [[nodiscard]] const Norm* norm(std::uint32_t block, std::uint32_t which) const;

  void write(WireWriter& writer) const;
  /// Errors: kMalformed, kNonCanonical, kOutOfRange, kTooLarge.
  [[nodiscard]] static Result<Facts> read(WireReader& reader);
};

/// The wires that a run of this model has, ascending, where these blocks are recorded.
[[nodiscard]] std::vector<WireEntry> expected_wires(const Facts& facts, const BlockChoice& choice);

}  // namespace assay::audit::internal
