// Trees for the tests, and their definition: slow, recursive, over plain integers, independent of the room's
// code but for hash_to_field and the schemes.
#pragma once

#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <bit>
#include <filesystem>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "assay/tree.h"
#include "assay/tree_prover.h"
#include "base/sha256.h"
#include "field/hash_to_field.h"

namespace assay::tree::test {

inline const kzg::Srs& kzg_srs(unsigned log_size) {
  static std::map<unsigned, kzg::Srs> made;
  const auto found = made.find(log_size);
  if (found != made.end()) return found->second;
  return made.emplace(log_size, kzg::Srs::dev(log_size, 5).value()).first->second;
}

inline const pst::Srs& pst_srs(const std::vector<std::uint64_t>& axes) {
  static std::map<std::vector<std::uint64_t>, pst::Srs> made;
  const auto found = made.find(axes);
  if (found != made.end()) return found->second;
  const Axes sizes = Axes::from(axes, "axes").value();
  return made.emplace(axes, pst::Srs::dev(sizes, 6).value()).first->second;
}

/// A kind of tree with its setup.
struct Sample {
  std::string name;
  Setup setup;
  std::vector<std::uint32_t> arities;

  [[nodiscard]] Config config(LeafKind leaf) const { return setup.config(arities, leaf).value(); }
};

inline Sample merkle_sample(std::uint32_t arity) {
  return {"merkle " + std::to_string(arity), Setup::merkle(), {arity}};
}
inline Sample verkle_sample(unsigned log_width) {
  return {"verkle " + std::to_string(1U << log_width), Setup::of(kzg_srs(log_width)), {1U << log_width}};
}
inline Sample terkle_sample(const std::vector<std::uint32_t>& arities) {
  std::string name = "terkle";
  for (const std::uint32_t arity : arities) name += " " + std::to_string(arity);
  return {name, Setup::of(pst_srs({arities.begin(), arities.end()})).value(), arities};
}

/// One of each kind, and more shapes.
inline const std::vector<Sample>& samples() {
  static const std::vector<Sample> all{merkle_sample(2),         merkle_sample(3),      verkle_sample(1),
                                       verkle_sample(2),         terkle_sample({2, 2}), terkle_sample({2, 3}),
                                       terkle_sample({2, 2, 2}), terkle_sample({5})};
  return all;
}

inline Digest pseudo_random(std::uint64_t seed, std::uint64_t index) {
  return Sha256().update("tree test").update_u64(seed).update_u64(index).digest();
}

/// Leaves of a kind, which this holds.
class SomeLeaves {
 public:
  SomeLeaves(LeafKind kind, std::size_t count, std::uint64_t seed = 1) : kind_(kind) {
    for (std::size_t i = 0; i < count; ++i) {
      const Digest random = pseudo_random(seed, i);
      std::uint64_t word = 0;
      for (std::size_t k = 0; k < 8; ++k) word |= std::uint64_t{random[k]} << (8 * k);
      if (i % 7 == 3) word = 0;
      if (i % 11 == 5) word = ~std::uint64_t{0};
      u64_.push_back(word);
      i64_.push_back(static_cast<std::int64_t>(word));
      field_.push_back(Fr::from_bytes_reduced(random).to_scalar());
      strings_.emplace_back(random.begin(), random.begin() + static_cast<std::ptrdiff_t>(i % 32));
    }
    for (const Bytes& string : strings_) spans_.emplace_back(string);
  }

  [[nodiscard]] Leaves all() const {
    switch (kind_) {
      case LeafKind::kU64:
        return u64_;
      case LeafKind::kI64:
        return i64_;
      case LeafKind::kField:
        return field_;
      case LeafKind::kBytes:
        break;
    }
    return std::span<const ByteSpan>(spans_);
  }
  [[nodiscard]] std::size_t size() const { return u64_.size(); }

  [[nodiscard]] SomeLeaves at(std::span<const std::uint64_t> indices) const {
    SomeLeaves out(kind_, 0);
    for (const std::uint64_t i : indices) out.take(*this, i);
    out.respan();
    return out;
  }
  void put(std::span<const std::uint64_t> indices, const SomeLeaves& values) {
    for (std::size_t k = 0; k < indices.size(); ++k) {
      u64_[indices[k]] = values.u64_[k];
      i64_[indices[k]] = values.i64_[k];
      field_[indices[k]] = values.field_[k];
      strings_[indices[k]] = values.strings_[k];
    }
    respan();
  }

 private:
  void take(const SomeLeaves& from, std::size_t i) {
    u64_.push_back(from.u64_[i]);
    i64_.push_back(from.i64_[i]);
    field_.push_back(from.field_[i]);
    strings_.push_back(from.strings_[i]);
  }
  void respan() { spans_.assign(strings_.begin(), strings_.end()); }

  LeafKind kind_;
  std::vector<std::uint64_t> u64_;
  std::vector<std::int64_t> i64_;
  std::vector<Scalar> field_;
  std::vector<Bytes> strings_;
  std::vector<ByteSpan> spans_;
};

inline const std::vector<LeafKind>& leaf_kinds() {
  static const std::vector<LeafKind> all{LeafKind::kU64, LeafKind::kI64, LeafKind::kField, LeafKind::kBytes};
  return all;
}

/// The digest of docs/tree.md, by its definition.
inline Fr defined_digest(const Config& config, unsigned height, ByteSpan message) {
  Sha256 domain;
  domain.update("assay/tree/domain/v1");
  const std::uint8_t head[] = {static_cast<std::uint8_t>(config.kind),
                               static_cast<std::uint8_t>(config.arities.size())};
  domain.update(head);
  for (const std::uint32_t arity : config.arities) domain.update_u32(arity);
  domain.update(config.srs_digest);
  Bytes tag;
  for (const char c : std::string_view("assay/tree/digest/v1")) tag.push_back(static_cast<std::uint8_t>(c));
  const Digest digest = domain.digest();
  tag.insert(tag.end(), digest.begin(), digest.end());
  tag.push_back(static_cast<std::uint8_t>(height));
  return hash_to_field(message, tag);
}

/// The commitment of a node of a Verkle or Terkle tree over its children, by the scheme's own commit.
inline G1Affine defined_commitment(const Setup& setup, std::vector<Scalar> values, const Config& config) {
  values.resize(config.fan_out());
  if (config.kind == Kind::kVerkle)
    return kzg::commit(kzg_srs(static_cast<unsigned>(std::countr_zero(config.fan_out()))), values).value();
  static_cast<void>(setup);
  return pst::commit(pst_srs({config.arities.begin(), config.arities.end()}), IntegerView(values)).value();
}

/// The root of the definition.
inline Digest defined_root(const Sample& sample, const Config& config, const Leaves& leaves) {
  if (config.kind == Kind::kMerkle) {
    merkle::RootBuilder builder = merkle::RootBuilder::create(config.arities[0]).value();
    leaves.visit([&](const auto& values) {
      for (const auto& value : values) {
        if constexpr (std::is_same_v<std::remove_cvref_t<decltype(value)>, ByteSpan>) {
          builder.add_leaf(value);
        } else if constexpr (std::is_same_v<std::remove_cvref_t<decltype(value)>, Scalar>) {
          builder.add_leaf(value.to_bytes());
        } else {
          Bytes bytes;
          for (unsigned i = 0; i < 8; ++i)
            bytes.push_back(static_cast<std::uint8_t>(static_cast<std::uint64_t>(value) >> (8 * i)));
          builder.add_leaf(bytes);
        }
      }
    });
    return builder.root();
  }
  std::vector<Scalar> level;
  leaves.visit([&](const auto& values) {
    for (const auto& value : values) {
      using T = std::remove_cvref_t<decltype(value)>;
      if constexpr (std::is_same_v<T, ByteSpan>)
        level.push_back(defined_digest(config, 0, value).to_scalar());
      else if constexpr (std::is_same_v<T, Scalar>)
        level.push_back(value);
      else if constexpr (std::is_same_v<T, std::int64_t>)
        level.push_back(Scalar::from_i64(value));
      else
        level.push_back(Scalar::from_u64(value));
    }
  });
  for (unsigned height = 1;; ++height) {
    std::vector<Digest> commitments;
    const std::size_t width = config.fan_out();
    for (std::size_t first = 0; first == 0 || first < level.size(); first += width)
      commitments.push_back(curve::encode(defined_commitment(
          sample.setup,
          std::vector<Scalar>(
              level.begin() + static_cast<std::ptrdiff_t>(first),
              level.begin() + static_cast<std::ptrdiff_t>(std::min(first + width, level.size()))),
          config)));
    if (commitments.size() == 1) return commitments[0];
    level.clear();
    for (const Digest& each : commitments) level.push_back(defined_digest(config, height, each).to_scalar());
  }
}

/// A folder that is there while the test runs: in memory where the system has such, for a disk would be
/// waited for at each flush.
class TestFolder {
 public:
  TestFolder() {
    const std::filesystem::path memory = "/dev/shm";
    path_ = (std::filesystem::is_directory(memory) ? memory : std::filesystem::path(testing::TempDir())) /
            ("assay-tree-" + std::to_string(::getpid()) + "-" +
             std::to_string(reinterpret_cast<std::uintptr_t>(this)));
    std::filesystem::create_directories(path_);
  }
  TestFolder(const TestFolder&) = delete;
  TestFolder& operator=(const TestFolder&) = delete;
  ~TestFolder() { std::filesystem::remove_all(path_); }
  [[nodiscard]] std::filesystem::path operator/(const std::string& name) const { return path_ / name; }

 private:
  std::filesystem::path path_;
};

}  // namespace assay::tree::test
