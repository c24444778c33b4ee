// What a key holds.
#pragma once

#include <mutex>
#include <span>
#include <vector>

#include "audit/facts.h"

namespace assay::audit::internal {

struct KeyContents {
  /// Of one layer.
  struct Layer {
    std::vector<float> scales;        ///< [out]: the usual size of each output
    std::vector<double> projections;  ///< [vectors, in]: v
    std::vector<double> biases;       ///< [vectors]: <b, r>
    friend bool operator==(const Layer&, const Layer&) = default;
  };

  std::uint32_t epoch = 0;
  Digest seed{};
  std::uint32_t vectors = 0;
  Facts facts;
  std::vector<Layer> layers;  ///< as the facts' operations

  /// r of a layer: [vectors, out]. Drawn from the seed when it is asked for first, and kept.
  [[nodiscard]] std::span<const double> vectors_of(std::uint32_t layer) const;

  /// Of the layers, which are filled afterwards.
  void set_layer_count(std::size_t count) {
    layers.resize(count);
    drawn_ = std::vector<Drawn>(count);
  }

  KeyContents() = default;
  KeyContents(const KeyContents&) = delete;
  KeyContents& operator=(const KeyContents&) = delete;
  KeyContents(KeyContents&&) = default;
  KeyContents& operator=(KeyContents&&) = default;
  ~KeyContents();

 private:
  struct Drawn {
    std::once_flag once;
    std::vector<double> r;
    Drawn() = default;
    Drawn(const Drawn&) = delete;
    Drawn& operator=(const Drawn&) = delete;
    ~Drawn();
  };
  [[nodiscard]] std::vector<double> draw(std::uint32_t layer) const;
  mutable std::vector<Drawn> drawn_;
};

/// Independent normal values from a seed, for one layer and one vector: by Box and Muller (1958) from the
/// stream of ChaCha20.
void fill_normal(const Digest& seed, std::uint32_t layer, std::uint32_t vector, std::span<double> out);

}  // namespace assay::audit::internal
