#include <algorithm>
#include <array>

#include "base/check.h"
#include "base/threads.h"
#include "base/try.h"
#include "merkle/shape.h"
#include "tree/aggregate.h"
#include "tree/shape.h"
#include "tree/tree_state.h"

namespace assay::tree::internal {
namespace {

void append(Bytes& out, ByteSpan bytes) { out.insert(out.end(), bytes.begin(), bytes.end()); }

/// The hashes between the children of a record and its own, level by level from the children up.
std::vector<std::vector<Digest>> levels_of(const Tree::State& tree, unsigned height, std::uint64_t position,
                                           ByteSpan content) {
  const Records& records = tree.records();
  const std::uint64_t columns = position < records.whole(height, tree.root.count)
                                    ? records.fan_out()
                                    : records.open_children(height, tree.root.count);
  std::vector<Digest> level(columns);
  const std::size_t size = records.value_bytes(height);
  if (height == 1 && tree.root.config.leaf != LeafKind::kBytes) {
    merkle::hash_chunks(content.first(columns * size), size, level);
  } else {
    for (std::size_t i = 0; i < columns; ++i)
      std::copy_n(content.begin() + static_cast<std::ptrdiff_t>(i * sizeof(Digest)), sizeof(Digest),
                  level[i].begin());
  }
  std::vector<std::vector<Digest>> out;
  const std::uint32_t arity = tree.root.config.arities.front();
  for (std::uint64_t width = records.fan_out(); width > 1; width /= arity) {
    std::vector<Digest> parents(merkle::parent_count(level.size(), arity));
    merkle::parent_hashes(arity, level, parents);
    out.push_back(std::move(level));
    level = std::move(parents);
  }
  return out;
}

/// A record on the way of a Merkle proof, with all hashes below its own.
struct Opening {
  std::uint64_t position;
  std::vector<std::vector<Digest>> levels;
};

}  // namespace

// Level by level, as merkle's Tree::prove_many does: the siblings that are not known.
Result<Bytes> prove_hashes(const Tree::State& tree, std::span<const std::uint64_t> indices) {
  const Records& records = tree.records();
  const std::uint32_t arity = tree.root.config.arities.front();
  Bytes out;
  std::vector<std::uint64_t> positions(indices.begin(), indices.end());
  std::uint64_t count = tree.root.count;
  for (unsigned height = 1; height <= records.depth(tree.root.count) && count > 1; ++height) {
    // The records that hold this level and those up to the next record's.
    std::vector<Opening> opened;
    for (const std::uint64_t position : positions) {
      const std::uint64_t record = position / records.fan_out();
      if (!opened.empty() && opened.back().position == record) continue;
      opened.push_back({record, levels_of(tree, height, record, ASSAY_TRY(tree.content(height, record)))});
    }
    std::uint64_t width = records.fan_out();  // hashes of a record on the level
    for (std::size_t level = 0; width > 1 && count > 1; ++level, width /= arity) {
      std::vector<std::uint64_t> parents;
      auto at = opened.begin();
      for (std::size_t i = 0; i < positions.size();) {
        const merkle::Group group = merkle::group_of(positions[i], count, arity);
        while (at->position != group.first / width) ++at;
        for (std::uint64_t each = group.first; each < group.end; ++each) {
          if (i < positions.size() && positions[i] == each)
            ++i;
          else
            append(out, at->levels[level][each % width]);
        }
        parents.push_back(group.first / arity);
      }
      positions = std::move(parents);
      count = merkle::parent_count(count, arity);
    }
  }
  return out;
}

Result<Bytes> prove_points(const Tree::State& tree, std::span<const std::uint64_t> indices, bool aggregated) {
  const Records& records = tree.records();
  const std::vector<Opened> way = way_to(records.fan_out(), tree.root.depth(), indices);
  std::vector<ByteSpan> contents;
  contents.reserve(way.size());
  for (const Opened& node : way) contents.push_back(ASSAY_TRY(tree.content(node.height, node.position)));
  Bytes out;
  for (std::size_t k = 1; k < way.size(); ++k) append(out, contents[k].last(32));
  const auto values_of = [&](std::size_t k) {
    return tree.nodes.elements(way[k].height, contents[k].first(records.values_bytes(way[k].height)));
  };

  if (!aggregated) {
    std::vector<std::vector<G1Affine>> quotients(way.size());
    parallel_for(0, way.size(), 1, [&](std::size_t first, std::size_t last) {
      for (std::size_t k = first; k < last; ++k) {
        const std::vector<Quotient> made = quotients_of(tree.nodes.setup(), values_of(k), way[k].children);
        std::vector<curve::FixedBases::Sum> sums;
        sums.reserve(made.size());
        for (const Quotient& each : made) sums.push_back({each.base, each.scalars});
        quotients[k].resize(sums.size());
        tree.nodes.setup().sum(sums, quotients[k]);
      }
    });
    for (const std::vector<G1Affine>& of_node : quotients)
      for (const G1Affine& quotient : of_node) append(out, curve::encode(quotient));
    return out;
  }

  Bytes encoded(tree.root.value.begin(), tree.root.value.end());
  append(encoded, out);
  std::vector<G1Affine> commitments(way.size());
  if (curve::decode_all_g1(encoded, commitments) != commitments.size())
    return Error{ErrorCode::kMalformed, tree.store.place(), "a commitment is no point: build the tree again"};
  std::vector<std::vector<Fr>> values(way.size());
  parallel_for(0, way.size(), 4, [&](std::size_t first, std::size_t last) {
    for (std::size_t k = first; k < last; ++k) values[k] = values_of(k);
  });
  const kzg::ManyProof proof = ASSAY_TRY(open_together(tree, indices, way, commitments, values));
  append(out, proof.encode());
  return out;
}

}  // namespace assay::tree::internal
