// From the values of children to the commitment and the value of a node.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "assay/tree_prover.h"
#include "tree/digest.h"
#include "tree/records.h"
#include "tree/setup_state.h"

namespace assay::tree::internal {

/// Values of the children of consecutive nodes, `stride` bytes from one node to the next.
struct ChildRows {
  const std::uint8_t* data = nullptr;
  std::size_t stride = 0;
  std::size_t columns = 0;  ///< children of each
};

/// What a node is of its children: 32 bytes each.
struct Made {
  Digest commitment{};  ///< compressed; zeros of a Merkle tree
  Digest value{};       ///< as the child of its parent: a digest, little-endian, or a hash
};

class Nodes {
 public:
  /// `setup` is null of a Merkle tree.
  Nodes(const Config& config, std::shared_ptr<const Setup::State> setup);

  [[nodiscard]] const Records& records() const { return records_; }
  [[nodiscard]] const Config& config() const { return config_; }
  [[nodiscard]] const Setup::State& setup() const { return *setup_; }
  [[nodiscard]] bool has_setup() const { return setup_ != nullptr; }
  [[nodiscard]] const Digests& digests() const { return digests_; }

  /// The nodes over the rows, on all threads.
  void make(unsigned height, const ChildRows& rows, std::span<Made> out) const;

  /// Commitments that have changed by the differences of some children: `changed` of them per node in turn.
  struct Change {
    std::size_t node;  ///< index in `made`
    std::uint32_t child;
    Fr difference;
  };
  /// Adds the changes to the commitments of `made`, and renews the values. Ascending by node.
  void change(unsigned height, std::span<const Change> changes, std::span<const G1Affine> before,
              std::span<Made> made) const;

  /// The 32 bytes of the public part: of the record at the top.
  [[nodiscard]] Digest root_of(const Made& top, std::uint64_t count) const;

  /// The values of a row as elements.
  [[nodiscard]] std::vector<Fr> elements(unsigned height, ByteSpan values) const;

 private:
  void commit(unsigned height, const ChildRows& rows, std::span<G1Affine> out) const;
  void hash(unsigned height, const ChildRows& rows, std::span<Made> out) const;
  void digest(unsigned height, std::span<const G1Affine> points, std::span<Made> out) const;
  [[nodiscard]] Scalar element(unsigned height, const std::uint8_t* value) const;

  Config config_;
  std::shared_ptr<const Setup::State> setup_;
  Records records_;
  Digests digests_;
};

}  // namespace assay::tree::internal
