// Audit: places in a model where rows flow, and the products between them. docs/audit.md.
#pragma once

#include <compare>
#include <cstdint>
#include <limits>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "assay/base.h"
#include "assay/tensor.h"
#include "assay/weights.h"

namespace assay::audit {

/// What a wire carries. The numbers are part of every format.
enum class Role : std::uint8_t {
  kResidual = 1,    ///< what enters a block; of the block behind the last: what enters the final norm
  kQkvInput = 2,    ///< what the projections q, k and v read
  kQ = 3,           ///< what they return: before any rotation
  kK = 4,           ///< likewise
  kV = 5,           ///< likewise
  kQkv = 6,         ///< q, k and v of one fused projection
  kOInput = 7,      ///< what attention returned, heads side by side
  kO = 8,           ///< what the output projection returns
  kMlpInput = 9,    ///< what the projections gate and up read
  kGate = 10,       ///< what gate returns
  kUp = 11,         ///< what up returns, or the first layer of an MLP without a gate
  kGateUp = 12,     ///< gate and up of one fused projection
  kDownInput = 13,  ///< what activation and gate gave
  kDown = 14,       ///< what the last layer of an MLP returns
  kFinalNorm = 15,  ///< what the head reads
  kLogits = 16,     ///< what the head returns
};

/// "residual", "qkv_input", "q", ..: the names of the roles, in lower case.
[[nodiscard]] std::string_view to_string(Role role);
[[nodiscard]] std::optional<Role> role_of(std::string_view name);

/// A place where rows flow.
struct Wire {
  /// Of the roles that belong to no block.
  static constexpr std::uint32_t kNoBlock = std::numeric_limits<std::uint32_t>::max();

  std::uint32_t block = 0;
  Role role = Role::kResidual;

  /// "block 3 gate", "logits".
  [[nodiscard]] std::string to_string() const;
  // The compiler writes a comparison with 0 here. NOLINTNEXTLINE(modernize-use-nullptr)
  friend auto operator<=>(const Wire&, const Wire&) = default;
};

/// Which blocks of a model are recorded: all of them, or those that verifier and provider agreed on before
/// the run. What lies outside the blocks, the residual rows that enter block 0 and those that leave the last
/// are recorded whatever the choice.
class BlockChoice {
 public:
  static constexpr std::size_t kMaxText = 4096;

  /// All blocks.
  BlockChoice() = default;
  /// "all"; "1/8": every eighth, from block 0 on; "0,8,16-19": these, ascending. Errors: kMalformed,
  /// kNonCanonical (order), kOutOfRange (a block that no model has), kTooLarge.
  [[nodiscard]] static Result<BlockChoice> parse(std::string_view text);

  [[nodiscard]] bool is_all() const { return stride_ == 1; }
  [[nodiscard]] bool has(std::uint32_t block) const;
  /// Whether the rows of a wire are recorded, in a model of `blocks` blocks: all wires of the chosen blocks,
  /// the residual rows that leave them, and what is recorded whatever the choice.
  [[nodiscard]] bool has(const Wire& wire, std::uint32_t blocks) const;
  /// The chosen blocks of a model of `blocks` blocks, ascending. Errors: kOutOfRange (one it does not have).
  [[nodiscard]] Result<std::vector<std::uint32_t>> of(std::uint32_t blocks) const;

  friend bool operator==(const BlockChoice&, const BlockChoice&) = default;

 private:
  std::uint32_t stride_ = 1;           // 0: those that are listed
  std::vector<std::uint32_t> listed_;  // ascending
};

/// What a linear layer of a block reads and returns.
struct LayerRoles {
  Role input;
  Role output;
};

/// By the layer's name within its block, "self_attn.q_proj"; none where that is not known here.
[[nodiscard]] std::optional<LayerRoles> roles_of_layer(std::string_view name);

/// A linear layer: the rows of `output` are those of `input` times the weight, plus the bias.
struct Op {
  Wire input;
  Wire output;
  std::string weight;       ///< the tensor
  std::string bias;         ///< the tensor, "" where there is none
  bool transposed = false;  ///< whether it is stored [in, out], as GPT-2's Conv1D
  std::uint64_t in = 0;     ///< values of a row that enters
  std::uint64_t out = 0;    ///< values of a row that leaves

  friend bool operator==(const Op&, const Op&) = default;
};

/// The linear layers of a model by the wires they lie between, from its folder alone.
struct OpTable {
  std::string model_type;
  std::uint32_t blocks = 0;
  std::vector<Op> ops;                ///< ascending by their output
  std::vector<std::string> left_out;  ///< matrices of blocks whose place is not known here

  /// Errors: those of Folder::stack; kMismatch (no layer known, two for one output, no output layer and no
  /// embedding), kUnsupported (element type).
  [[nodiscard]] static Result<OpTable> of(const weights::Folder& folder);

  /// nullptr when there is none.
  [[nodiscard]] const Op* find(const Wire& output) const;
};

}  // namespace assay::audit
