#include "tree/nodes.h"

#include <algorithm>
#include <cstring>

#include "base/check.h"
#include "base/threads.h"
#include "merkle/shape.h"

namespace assay::tree::internal {
namespace {

/// So many nodes of narrow leaves are summed up together that inversions are shared by most of a batch.
constexpr std::size_t kFewestTogether = 128;
constexpr std::size_t kMostTogether = 1024;

ByteSpan row_of(const ChildRows& rows, std::size_t node, std::size_t bytes) {
  return {rows.data + node * rows.stride, bytes};
}

}  // namespace

Nodes::Nodes(const Config& config, std::shared_ptr<const Setup::State> setup)
    : config_(config), setup_(std::move(setup)), records_(config), digests_(config) {}

void Nodes::make(unsigned height, const ChildRows& rows, std::span<Made> out) const {
  const bool hashes = config_.kind == Kind::kMerkle;
  // By all threads, before each of them would wait for the one that makes it.
  if (!hashes) static_cast<void>(setup_->table());
  const std::size_t grain =
      hashes ? 16 : std::max<std::size_t>(1, 1024 / std::max<std::size_t>(1, rows.columns));
  parallel_for(0, out.size(), grain, [&](std::size_t first, std::size_t last) {
    for (; first < last; first += std::min(kMostTogether, last - first)) {
      const std::size_t count = std::min(kMostTogether, last - first);
      const ChildRows some{rows.data + first * rows.stride, rows.stride, rows.columns};
      if (hashes) {
        hash(height, some, out.subspan(first, count));
        continue;
      }
      std::vector<G1Affine> points(count);
      commit(height, some, points);
      digest(height, points, out.subspan(first, count));
    }
  });
}

void Nodes::commit(unsigned height, const ChildRows& rows, std::span<G1Affine> out) const {
  if (records_.value_bytes(height) == 8 && out.size() >= kFewestTogether && setup_->table() != nullptr) {
    setup_->table()->sum_rows_vartime(rows.data, rows.columns, rows.stride, config_.leaf == LeafKind::kI64,
                                      out);
    return;
  }
  std::vector<Scalar> scalars(rows.columns * out.size());
  std::vector<curve::FixedBases::Sum> sums;
  sums.reserve(out.size());
  for (std::size_t i = 0; i < out.size(); ++i) {
    const auto of_node = std::span(scalars).subspan(i * rows.columns, rows.columns);
    for (std::size_t c = 0; c < rows.columns; ++c)
      of_node[c] = element(height, rows.data + i * rows.stride + c * records_.value_bytes(height));
    sums.push_back({0, of_node});
  }
  setup_->sum(sums, out);
}

Scalar Nodes::element(unsigned height, const std::uint8_t* value) const {
  if (records_.value_bytes(height) == 8) {
    std::uint64_t word = 0;
    for (unsigned i = 0; i < 8; ++i) word |= std::uint64_t{value[i]} << (8 * i);
    return config_.leaf == LeafKind::kI64 ? Scalar::from_i64(static_cast<std::int64_t>(word))
                                          : Scalar::from_u64(word);
  }
  Scalar out;
  for (unsigned i = 0; i < 32; ++i) out.words[i / 8] |= std::uint64_t{value[i]} << (i % 8 * 8);
  return out;
}

std::vector<Fr> Nodes::elements(unsigned height, ByteSpan values) const {
  const std::size_t size = records_.value_bytes(height);
  std::vector<Fr> out(values.size() / size);
  for (std::size_t c = 0; c < out.size(); ++c)
    out[c] = Fr::from_scalar(element(height, values.data() + c * size));
  return out;
}

void Nodes::digest(unsigned height, std::span<const G1Affine> points, std::span<Made> out) const {
  Bytes encoded(32 * points.size());
  for (std::size_t i = 0; i < points.size(); ++i) {
    out[i].commitment = curve::encode(points[i]);
    std::ranges::copy(out[i].commitment, encoded.begin() + static_cast<std::ptrdiff_t>(32 * i));
  }
  std::vector<Fr> digests(points.size());
  digests_.of_commitments(height, encoded, digests);
  for (std::size_t i = 0; i < points.size(); ++i) out[i].value = digests[i].to_scalar().to_bytes();
}

void Nodes::hash(unsigned height, const ChildRows& rows, std::span<Made> out) const {
  const std::uint32_t arity = config_.arities.front();
  const std::size_t bytes = rows.columns * records_.value_bytes(height);
  // Nodes of the fan-out of a record are whole, so their levels lie one behind the other; otherwise there is
  // one node.
  std::vector<Digest> level(rows.columns * out.size());
  for (std::size_t i = 0; i < out.size(); ++i) {
    const auto of_node = std::span(level).subspan(i * rows.columns, rows.columns);
    const ByteSpan values = row_of(rows, i, bytes);
    if (height == 1 && config_.leaf != LeafKind::kBytes)
      merkle::hash_chunks(values, records_.value_bytes(height), of_node);
    else if (bytes > 0)
      std::memcpy(of_node.data(), values.data(), bytes);
  }
  ASSAY_CHECK(out.size() == 1 || rows.columns == records_.fan_out(), out.size(), rows.columns);
  while (level.size() > out.size()) {
    std::vector<Digest> parents(merkle::parent_count(level.size(), arity));
    merkle::parent_hashes(arity, level, parents);
    level = std::move(parents);
  }
  for (std::size_t i = 0; i < level.size(); ++i) out[i].value = level[i];
}

void Nodes::change(unsigned height, std::span<const Change> changes, std::span<const G1Affine> before,
                   std::span<Made> made) const {
  std::vector<Scalar> scalars;
  scalars.reserve(changes.size());
  std::vector<curve::FixedBases::Sum> sums;
  sums.reserve(changes.size());
  for (const Change& each : changes) {
    scalars.push_back(each.difference.to_scalar());
    sums.push_back({each.child, std::span(scalars).last(1)});
  }
  std::vector<G1Affine> terms(changes.size());
  setup_->sum(sums, terms);
  std::vector<G1Affine> points(before.begin(), before.end());
  for (std::size_t i = 0; i < changes.size(); ++i)
    points[changes[i].node] = curve::add(points[changes[i].node], terms[i]);
  digest(height, points, made);
}

Digest Nodes::root_of(const Made& top, std::uint64_t count) const {
  if (config_.kind != Kind::kMerkle) return top.commitment;
  return count == 0 ? merkle::empty_root() : top.value;
}

}  // namespace assay::tree::internal
