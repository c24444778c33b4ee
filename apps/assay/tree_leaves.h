// Leaves of trees as the command line is given them.
#pragma once

#include <string>
#include <vector>

#include "assay/tensor.h"
#include "assay/tree.h"

namespace assay::cli {

/// Leaves, with whatever they lie in.
class TreeLeaves {
 public:
  /// The values of an .npy file: integers; for field leaves also rows of 32 bytes of type uint8; for byte
  /// leaves rows of uint8, each of them one leaf. Errors: those of tensor::open; kUnsupported (another type),
  /// kOutOfRange.
  static Result<TreeLeaves> read_values(const std::string& path, tree::LeafKind kind);

  /// The digests of the commitments in these files, as byte leaves. Errors: those of claim::Commitment::read.
  static Result<TreeLeaves> read_commitments(const std::vector<std::string>& paths);

  /// What people write: integers in decimal, or byte strings in hexadecimal. Errors: kMalformed, kOutOfRange.
  static Result<TreeLeaves> parse(const std::vector<std::string>& texts, tree::LeafKind kind);

  [[nodiscard]] tree::Leaves view() const;

 private:
  explicit TreeLeaves(tree::LeafKind kind) : kind_(kind) {}
  [[nodiscard]] Status take_rows(const tensor::TensorView& array, const std::string& path);
  [[nodiscard]] Status take_integers(const std::string& path);

  tree::LeafKind kind_;
  tensor::TensorView mapped_;  // 64-bit integers in place; without bytes where they were read
  std::vector<std::uint64_t> u64_;
  std::vector<std::int64_t> i64_;
  std::vector<Scalar> field_;
  std::vector<Bytes> strings_;
  std::vector<ByteSpan> spans_;
};

}  // namespace assay::cli
