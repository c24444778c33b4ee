// The prover's side of trees: building, proving, updating, and trees that are kept in a file.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <span>
#include <utility>
#include <vector>

#include "assay/tree.h"

namespace assay::tree {

/// What trees are made with: nothing for Merkle, an SRS for the other kinds, and tables of multiples of its
/// points (at most 16 MB), made when they are first needed. Copies share them.
class Setup {
 public:
  static Setup merkle() { return {}; }
  static Setup of(const kzg::Srs& srs);
  /// Errors: kUnsupported (a file without level 0).
  static Result<Setup> of(const pst::Srs& srs);
  /// An SRS file of either scheme. Errors: those of the schemes' Srs::open, and of of().
  static Result<Setup> read(const std::filesystem::path& path);

  [[nodiscard]] Kind kind() const;
  /// Of the SRS; zeros of Merkle.
  [[nodiscard]] const Digest& digest() const;
  [[nodiscard]] Key key() const;
  /// The points of the SRS that are used; none of Merkle.
  [[nodiscard]] std::uint64_t points() const;

  /// A tree of these arities under this setup. No arities stand for the SRS's own, or for 2. Errors:
  /// kMismatch (the SRS is for other nodes), those of Config::check.
  [[nodiscard]] Result<Config> config(std::vector<std::uint32_t> arities, LeafKind leaf) const;

  struct State;
  [[nodiscard]] const std::shared_ptr<const State>& state() const { return state_; }

 private:
  std::shared_ptr<const State> state_;
};

/// What a tree takes.
struct Sizes {
  std::uint64_t file_bytes = 0;    ///< of the kept file; 0 of a tree in memory
  std::uint64_t memory_bytes = 0;  ///< held beside the file
  std::uint64_t nodes = 0;         ///< commitments, or hashes above the leaves
  std::uint64_t srs_points = 0;
};

/// A tree with its leaves, in memory or in a mapped file. A tree is used by one thread at a time.
class Tree {
 public:
  /// Errors: those of Builder.
  static Result<Tree> build(const Setup& setup, const Config& config, const Leaves& leaves);

  /// Maps a kept tree. An update that was interrupted is finished, or as if it had not begun. Without a setup
  /// a tree of points can be asked for its public part and its sizes alone. The whole file is not read: each
  /// part is compared with its checksum when it is used. Errors: kIo (also where another process writes to
  /// the tree), kMalformed, kNonCanonical, kOutOfRange, kUnsupported (version), kMismatch (the setup).
  static Result<Tree> open(const std::filesystem::path& path, std::optional<Setup> setup = std::nullopt);

  Tree(Tree&&) noexcept;
  Tree& operator=(Tree&&) noexcept;
  ~Tree();

  [[nodiscard]] const Root& root() const;
  [[nodiscard]] std::uint64_t size() const { return root().count; }
  [[nodiscard]] Sizes sizes() const;

  /// `indices` ascend and none stands twice; only a Verkle tree has `aggregated` proofs. Errors: kOutOfRange
  /// (an index, none, or not ascending), kMismatch (no setup; aggregated), kMalformed (a part of the file is
  /// not what was written).
  [[nodiscard]] Result<Proof> prove(std::span<const std::uint64_t> indices, bool aggregated = false) const;

  /// Puts leaves[i] in place of that at indices[i]: all of them or none, whenever the program is ended. The
  /// indices ascend. Errors: as prove(), and kMismatch (leaves of another kind or number), kOutOfRange (not
  /// below r), kIo.
  [[nodiscard]] Status update(std::span<const std::uint64_t> indices, const Leaves& leaves);

  /// Adds leaves at the end: all of them or none. Errors: as update(); kTooLarge.
  [[nodiscard]] Status append(const Leaves& leaves);

  /// Compares every part of the tree with its checksum. Errors: kMalformed, naming the part, or where a kept
  /// file goes on behind the tree; kIo.
  [[nodiscard]] Status check() const;

  struct State;

 private:
  friend class Builder;
  explicit Tree(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

/// Builds a tree of leaves that come in any number of parts.
class Builder {
 public:
  /// With a path the tree grows in a file, which is complete under that name after finish() or not there.
  /// Errors: kMismatch (setup and config do not belong together), those of Config::check, kIo.
  static Result<Builder> create(const Setup& setup, const Config& config,
                                std::optional<std::filesystem::path> path = std::nullopt);
  Builder(Builder&&) noexcept;
  Builder& operator=(Builder&&) noexcept;
  ~Builder();

  /// Errors: kMismatch (leaves of another kind), kOutOfRange (an element not below r), kTooLarge (too many,
  /// or memory), kIo.
  [[nodiscard]] Status add(const Leaves& leaves);

  /// Errors: kIo, and those of Tree::open.
  [[nodiscard]] Result<Tree> finish() &&;

 private:
  struct State;
  explicit Builder(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace assay::tree
