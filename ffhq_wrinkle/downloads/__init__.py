"""Downloads: FFHQ's photographs and the published labels and weights, verified and resumable."""
