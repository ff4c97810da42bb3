module github.com/simdrnn/simdrnn/bench

go 1.26.0
